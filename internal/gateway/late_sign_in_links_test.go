package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_LateSignIn_Links: the portal saves a sign-in 1 s after its response, within settle.
func TestAttack_LateSignIn_Links(t *testing.T) {
	for _, declared := range []bool{true, false} {
		for _, pause := range []time.Duration{2 * time.Second, 100 * time.Second} {
			attack(t, fmt.Sprint("declared ", declared, " after ", pause), func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					if declared {
						o.Rules.SignIn, o.Rules.Fields = paths{"/late"}, []string{"user"}
					}
				})
				w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
				w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
					id := w.shop.begin(rw, r)
					time.AfterFunc(time.Second, func() { w.shop.commit(r, id, "alice") })
					_, err := io.WriteString(rw, "welcome")
					return err
				}
				n := 0
				w.shop.pages["/act"] = func(_ http.ResponseWriter, r *http.Request) error {
					if user := w.shop.user(r); user != "" {
						n++
					}
					time.Sleep(time.Second)
					return nil
				}
				v := w.visitor()
				v.send("GET /page", "Sec-Fetch-Mode: navigate")
				v.send("GET /cart")
				v.never("the sign-in", v.send("POST /late user=alice"))
				time.Sleep(pause)
				var all []*flight
				for range 30 {
					all = append(all, v.start(t.Context(), "GET /act"))
				}
				for _, f := range all {
					<-f.done
					v.never("act", f)
				}
				if n > 0 {
					t.Errorf("%d requests were carried out for alice", n)
				}
			})
		}
	}
}
