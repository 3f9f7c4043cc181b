package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_RestartAfterLateSignIn: the process is started anew within settle after a sign-in
// that the portal saves late, or while the portal still works on it.
//  1. The visit is bob's, an own account's.
//  2. POST /enter signs in alice. The portal saves that 1.5 s later, or answers after 5 s.
//  3. The gateway is started anew. GET /page asks: bob.
//  4. The portal saves the sign-in. GET /page must be asked about again.
func TestAttack_RestartAfterLateSignIn(t *testing.T) {
	for name, works := range map[string]time.Duration{"saved late": 0, "being worked on": 5 * time.Second} {
		attack(t, name, func(t *testing.T) {
			var o gateway.Options
			w := newWorld(t, func(n *gateway.Options) {
				n.Rules.SignIn, n.Rules.Fields, n.Rules.SignOut = paths{"/enter"}, []string{"user"}, paths{"/logout"}
				o = *n
			})
			w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				time.AfterFunc(works+1500*time.Millisecond, func() { w.shop.commit(r, id, "alice") })
				time.Sleep(works)
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			w.shop.pages["/logout"] = w.shop.goodbye
			v := w.visitor()
			v.send("GET /page")
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			enter := v.start(t.Context(), "POST /enter user=alice")
			time.Sleep(100 * time.Millisecond)

			o.Visits = gateway.NewVisits(o.Store, time.Now)
			again := *w
			again.g = gateway.New(o)
			v = &visitor{w: &again, cookies: v.cookies, address: v.address}
			if works == 0 { // a sign-out that would be rendered for alice waits for the late sign-in
				time.Sleep(1390 * time.Millisecond)
				v.never("a sign-out", v.send("POST /logout a=b"))
			}
			for _, pause := range []time.Duration{200 * time.Millisecond, time.Second, time.Second, 5 * time.Second, 10 * time.Second} {
				v.never("a page", v.send("GET /page"))
				time.Sleep(pause)
			}
			<-enter.done
		})
	}
}
