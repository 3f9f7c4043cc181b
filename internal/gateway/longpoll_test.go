package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestOwner_LongPoll: a stranger's page has a long poll open, as Socket.IO and chats do, and
// sends forms beside it.
func TestOwner_LongPoll(t *testing.T) {
	for _, nav := range []string{"cors", "navigate"} {
		attack(t, nav, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn, o.Rules.Fields = paths{"/login.php"}, []string{"user"} })
			w.shop.pages["/poll"] = longPoll
			w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.begin(rw, r)
				_, err := io.WriteString(rw, "in the cart")
				return err
			}
			v := w.visitor()
			v.send("GET /cart")
			time.Sleep(5 * time.Second)
			v.start(t.Context(), "GET /poll")
			time.Sleep(time.Second)
			f := v.send("POST /cart add=1", "Sec-Fetch-Mode: "+nav)
			if f.code() != http.StatusOK {
				t.Errorf("the form was carried out, and answered: %s", f.text())
			}
			time.Sleep(30 * time.Second)
		})
	}
}

// TestOwner_SignInBesideLongPoll: a sign-in does not wait for a long poll to end.
func TestOwner_SignInBesideLongPoll(t *testing.T) {
	attack(t, "bob", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn, o.Rules.Fields = paths{"/login.php"}, []string{"user"} })
		w.shop.pages["/poll"] = longPoll
		w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
		v := w.visitor()
		v.send("GET /cart")
		time.Sleep(5 * time.Second)
		v.start(t.Context(), "GET /poll")
		time.Sleep(time.Second)
		began := time.Now()
		if f := v.signIn("bob"); f.code() != http.StatusOK || time.Since(began) > 5*time.Second {
			t.Errorf("after %v: %s", time.Since(began), f.text())
		}
		time.Sleep(30 * time.Second)
	})
}
