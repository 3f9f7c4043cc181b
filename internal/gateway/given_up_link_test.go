package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

// TestAttack_GivenUpLink: an undeclared link answers 200 and changes a cookie, so that its response
// is checked at its end, and signs alice in when it ends. Its client leaves, and the gate gives the
// request up after 30 s; the portal carries it out all the same, as after a form or a redirect.
func TestAttack_GivenUpLink(t *testing.T) {
	for _, status := range []int{http.StatusFound, http.StatusOK} {
		attack(t, fmt.Sprint(status), func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.id(r)
				rw.Header().Add("Set-Cookie", "LAST=1; Path=/")
				rw.Header().Set("Location", "/page")
				rw.WriteHeader(status)
				_, err := io.WriteString(rw, "please wait")
				go func() {
					time.Sleep(45 * time.Second)
					w.shop.commit(r, id, "alice")
				}()
				<-r.Context().Done() // a proxy gives up; the portal behind it does not
				if err == nil {
					err = errCut
				}
				return err
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			ctx, leave := context.WithCancel(t.Context())
			link := v.start(ctx, "GET /magic?token=alice")
			time.Sleep(time.Second)
			leave()
			for i := range 60 {
				v.never(fmt.Sprint("a page after ", i+1, " s"), v.send("GET /page"))
				time.Sleep(time.Second)
			}
			<-link.done
		})
	}
}
