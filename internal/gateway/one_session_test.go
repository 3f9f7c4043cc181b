package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_L11_OneSessionPerUser: a portal lets each user have one session: a sign-in ends
// the one before. The attacker signs alice in twice, in two browsers: the second sign-in ends
// the first session 100 ms after the end of its response. That is asked about at once, so that
// it is known which user it belonged to. What a portal does before the end of a response can't be seen: a
// second sign-in that falls between the first one's commit and its end hides that.
func TestAttack_L11_OneSessionPerUser(t *testing.T) {
	for _, first := range []bool{false, true} {
		attack(t, fmt.Sprint("in a visit ", first), func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"} })
			w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
				id, user := w.shop.begin(rw, r), r.FormValue("user")
				w.shop.mu.Lock()
				for other, has := range w.shop.users {
					if has == user {
						w.shop.users[other] = ""
					}
				}
				w.shop.mu.Unlock()
				w.shop.commit(r, id, user)
				_, err := io.WriteString(rw, "account of "+secret(user))
				return err
			}
			one, two := w.visitor(), w.visitor()
			if first {
				w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
				one.send("GET /cart")
				two.send("GET /cart")
			}
			f := one.start(t.Context(), "POST /enter user=alice")
			time.Sleep(100 * time.Millisecond)
			two.never("the second sign-in", two.send("POST /enter user=alice"))
			<-f.done
			one.never("the first sign-in", f)
		})
	}
}
