package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_PrivateImage: a user without a factor, who owes nothing, sees a picture that the portal
// shows to its owner only, also while a form of the page is at the portal, as a long poll by POST is.
func TestAttack_PrivateImage(t *testing.T) {
	for _, way := range []string{"plain", "beside a form", "after a form", "recheck 0"} {
		attack(t, way, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				if way == "recheck 0" {
					o.Recheck = 0
				}
			})
			w.shop.pages["/poll"] = func(http.ResponseWriter, *http.Request) error { time.Sleep(25 * time.Second); return nil }
			w.shop.pages["/private.png"] = func(rw http.ResponseWriter, r *http.Request) error {
				if w.shop.user(r) != "bob" {
					rw.WriteHeader(http.StatusForbidden)
					return nil
				}
				rw.Header().Set("Content-Type", "image/png")
				_, err := io.WriteString(rw, "picture of bob")
				return err
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			switch way {
			case "beside a form":
				f := v.start(t.Context(), "POST /poll a=b")
				defer func() { <-f.done }()
				synctest.Wait()
				v.send("GET /page")
			case "after a form":
				v.send("POST /page a=b", "X-Requested-By: script")
			}
			if f := v.send("GET /private.png"); f.code() != http.StatusOK || !strings.Contains(f.text(), "picture of bob") {
				t.Errorf("the picture: %s", f.text())
			}
		})
	}
}
