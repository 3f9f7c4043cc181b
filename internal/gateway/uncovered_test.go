package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

// TestAttack_L16_UncoveredWithoutVisit: a sign-in sets a cookie for a path that no whoami gets,
// and whoami does not know it. It is refused, whether or not the visitor has a visit.
func TestAttack_L16_UncoveredWithoutVisit(t *testing.T) {
	for _, visit := range []bool{true, false} {
		attack(t, fmt.Sprint("in a visit ", visit), func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.Header().Add("Set-Cookie", "APPSID=1; Path=/app")
				_, err := io.WriteString(rw, "welcome "+secret(r.FormValue("user")))
				return err
			}
			w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
			v := w.visitor()
			if visit {
				v.send("GET /cart")
			}
			f := v.send("POST /enter user=alice")
			v.never("the sign-in", f)
			if f.code() != http.StatusServiceUnavailable {
				t.Errorf("the sign-in: %s", f.text())
			}
		})
	}
}
