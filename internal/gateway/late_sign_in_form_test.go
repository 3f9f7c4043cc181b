package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
)

// TestAttack_LateSignIn_Form: the attacker gives the code of an own account, bob. In that visit, without
// bob's cookies, a stranger's session begins, and a declared sign-in as alice is saved 1 s after its response, within settle.
// Once the visit is settled, a form must not be carried out for alice by the anonymous answer from before.
func TestAttack_LateSignIn_Form(t *testing.T) {
	for _, pause := range []time.Duration{3 * time.Second, 100 * time.Second} {
		for _, cleared := range []bool{true, false} {
			attack(t, fmt.Sprint("after ", pause, ", own clearance ", cleared), func(t *testing.T) {
				e := newEndings(t, func(o *gateway.Options) {
					o.Rules.SignIn, o.Rules.Fields, o.Rules.SignOut = paths{"/late", "/login.php"}, []string{"user"}, paths{"/logout"}
				})
				e.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { e.shop.begin(rw, r); return nil }
				e.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
					id := e.shop.begin(rw, r)
					time.AfterFunc(time.Second, func() { e.shop.commit(r, id, "alice") })
					_, err := io.WriteString(rw, "welcome")
					return err
				}
				e.shop.pages["/transfer"] = func(rw http.ResponseWriter, r *http.Request) error {
					if user := e.shop.user(r); user == "alice" {
						t.Errorf("the form was carried out for %s", user)
					}
					return nil
				}
				v := e.visitor()
				v.send("GET /page", "Sec-Fetch-Mode: navigate")
				v.signIn("bob")
				time.Sleep(5 * time.Second)
				e.wantPage("before", v, "bob")
				name := portal.NamesFor("shop", false).Visit
				if cleared {
					e.clear(v, "bob")
					for _, c := range v.cookies {
						if c.Name == name { // the clearance was given for a cookie that is left out from here on, too
							id := session.Token(c.Value).ID()
							e.st.mu.Lock()
							rec := e.st.visits[id]
							rec.Binds = []uint64{1}
							e.st.visits[id] = rec
							e.st.mu.Unlock()
							e.g.Visits.Forget("shop", id)
						}
					}
					e.wantPage("with bob's code", v, "bob")
				}
				for _, c := range v.cookies {
					if c.Name != name && strings.HasPrefix(c.Name, name) {
						v.set(c.Name, "", true)
					}
				}
				v.send("GET /cart")
				v.never("the sign-in", v.send("POST /late user=alice"))
				time.Sleep(pause)
				v.never("the form", v.send("POST /transfer to=mallory"))
			})
		}
	}
}
