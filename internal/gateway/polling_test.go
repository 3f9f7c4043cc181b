package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_PollingRedirects: a page that was left open asks every second for what redirects
// strangers to the sign-in. Its user, who has no factor, can sign in all the same: by a link that is
// good for once, too, as the last step of OpenID Connect is.
func TestAttack_PollingRedirects(t *testing.T) {
	for _, every := range []time.Duration{time.Hour, time.Second} {
		for _, line := range []string{"POST /enter user=bob", "GET /callback?code=1"} {
			attack(t, fmt.Sprint(line, " ", every), func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					o.Rules.SignIn, o.Rules.Fields, o.Rules.LinkSignIn = paths{"/enter", "/callback"}, []string{"user"}, paths{"/callback"}
				})
				w.shop.pages["/poll"] = func(rw http.ResponseWriter, r *http.Request) error {
					if w.shop.user(r) != "" {
						return nil
					}
					rw.Header().Set("Location", "/enter")
					rw.WriteHeader(http.StatusFound)
					return nil
				}
				w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
					w.shop.commit(r, w.shop.begin(rw, r), "bob")
					return nil
				}
				used := false
				w.shop.pages["/callback"] = func(rw http.ResponseWriter, r *http.Request) error {
					if used {
						rw.WriteHeader(http.StatusBadRequest)
						_, err := io.WriteString(rw, "the code was used")
						return err
					}
					used = true
					return w.shop.pages["/enter"](rw, r)
				}
				w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
				v := w.visitor()
				v.send("GET /cart", "Sec-Fetch-Mode: navigate")
				tab := v.copy()
				tab.address = v.address
				over := make(chan bool)
				go func() {
					defer close(over)
					for range 60 {
						f := tab.start(t.Context(), "GET /poll")
						time.Sleep(every)
						<-f.done
					}
				}()
				time.Sleep(10 * time.Second)
				f := v.send(line, "Sec-Fetch-Mode: navigate")
				if f.code() == http.StatusSeeOther {
					f = v.send("GET "+f.sent.Get("Location"), "Sec-Fetch-Mode: navigate")
				}
				if f.code() != http.StatusOK {
					t.Errorf("%s: %s", line, f.text())
				}
				f = v.send("POST /enter user=bob")
				if f.code() != http.StatusOK {
					t.Errorf("a script's form: %s", f.text())
				}
				<-over
			})
		}
	}
}
