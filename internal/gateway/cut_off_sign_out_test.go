package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestCutOff_SignInPageAfterSignOut is TestCutOff_SignInPage where the sign-out leads to the page with
// the sign-in form at once, as most portals' does, beside two slow pages.
func TestCutOff_SignInPageAfterSignOut(t *testing.T) {
	for _, limit := range []int{16, 20} { // Safari's; Chrome's and Firefox's
		attack(t, "slow pages", func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				o.Rules.SignIn, o.Rules.Fields, o.Rules.SignOut = paths{"/enter"}, []string{"user"}, paths{"/logout"}
			})
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				for range 60 {
					time.Sleep(5 * time.Second)
					if _, err := io.WriteString(rw, "part"); err != nil {
						return err
					}
				}
				return nil
			}
			w.shop.pages["/logout"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), "")
				http.Redirect(rw, r, "/enter", http.StatusFound)
				return nil
			}
			v := w.visitor()
			v.send("GET /page")
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			slow := v.start(t.Context(), "GET /slow")
			time.Sleep(6 * time.Second)
			v.send("POST /logout a=b", "Sec-Fetch-Mode: navigate")
			for n := 1; n <= limit; n++ {
				f := v.send("GET /enter", "Sec-Fetch-Mode: navigate")
				if f.code() == http.StatusOK {
					t.Logf("shown after %d redirects", n)
					<-slow.done
					return
				}
			}
			t.Errorf("a browser gives up after %d redirects", limit)
			<-slow.done
		})
	}
}
