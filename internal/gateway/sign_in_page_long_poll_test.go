package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestSignInPage_BesideLongPoll: a stranger's page has a long poll of 25 s open, and asks again after each. Its link to
// the page with the sign-in form, which has the sign-in's own address, is clicked. The form is shown within seconds, as
// TestOwner_SignInBesideLongPoll asks of the sign-in itself.
func TestSignInPage_BesideLongPoll(t *testing.T) {
	attack(t, "poll", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn, o.Rules.Fields = paths{"/login.php"}, []string{"user"} })
		w.shop.pages["/poll"] = func(rw http.ResponseWriter, r *http.Request) error {
			time.Sleep(25 * time.Second)
			_, err := io.WriteString(rw, "{}")
			return err
		}
		w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
		v := w.visitor()
		v.send("GET /cart", "Sec-Fetch-Mode: navigate")
		time.Sleep(5 * time.Second)
		poll := v.start(t.Context(), "GET /poll")
		time.Sleep(time.Second)
		began := time.Now()
		f := v.send("GET /login.php", "Sec-Fetch-Mode: navigate")
		if f.code() != http.StatusOK || time.Since(began) > 5*time.Second {
			t.Errorf("after %v: %s", time.Since(began), f.text())
		}
		<-poll.done
	})
}
