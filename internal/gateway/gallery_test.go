package gateway_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestOwner_Gallery: a stranger looks at a page with many pictures that a script of the portal
// makes smaller.
func TestOwner_Gallery(t *testing.T) {
	attack(t, "stranger", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/gallery"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
		w.shop.pages["/thumb.php"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Set("Content-Type", "image/jpeg")
			time.Sleep(50 * time.Millisecond)
			return nil
		}
		v := w.visitor()
		v.send("GET /gallery", "Sec-Fetch-Mode: navigate")
		var all []*flight
		for i := range 200 {
			all = append(all, v.start(t.Context(), fmt.Sprintf("GET /thumb.php?picture=%d", i), "Sec-Fetch-Mode: no-cors"))
			time.Sleep(5 * time.Millisecond)
		}
		refused := 0
		for _, f := range all {
			if <-f.done; f.code() != http.StatusOK {
				refused++
			}
		}
		if refused > 0 {
			t.Errorf("%d of %d pictures were refused", refused, len(all))
		}
	})
}
