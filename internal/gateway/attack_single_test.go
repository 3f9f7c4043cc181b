package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_L11_OneSessionPerUser: a portal lets each user have one session: a sign-in ends
// the one before. The attacker signs alice in twice, in two browsers: the second sign-in ends
// the first session after its page was rendered, so that the question about it names nobody.
func TestAttack_L11_OneSessionPerUser(t *testing.T) {
	for name, tt := range map[string]struct {
		declared bool
		slow     time.Duration // how long the portal takes to end what it has rendered
	}{
		"declared": {declared: true}, "declared, slow": {declared: true, slow: 300 * time.Millisecond}, "undeclared, slow": {slow: 300 * time.Millisecond},
	} {
		for _, first := range []bool{false, true} {
			attack(t, name+map[bool]string{true: ", in a visit"}[first], func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					if tt.declared {
						o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
					}
				})
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
					time.Sleep(tt.slow)
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
}
