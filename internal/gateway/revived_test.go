package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAttack_PageRevives: a portal looks at its remember-me cookie on one page only, as many do
// on that of the sign-in; whoami does not. All sessions of bob, who has no factor, were ended. A
// copy of the old cookies opens nothing, without the password.
func TestAttack_PageRevives(t *testing.T) {
	for _, late := range []time.Duration{0, 1500 * time.Millisecond} {
		attack(t, fmt.Sprint("saved after ", late), func(t *testing.T) {
			e := newEndings(t, nil)
			e.shop.pages["/login.php"] = func(rw http.ResponseWriter, r *http.Request) error {
				id, user := e.shop.begin(rw, r), r.FormValue("user")
				time.AfterFunc(late, func() { e.shop.commit(r, id, user) })
				rw.Header().Add("Set-Cookie", "REMEMBER="+r.FormValue("user")+"; Path=/; Max-Age=1000000")
				return nil
			}
			e.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := e.shop.begin(rw, r)
				if c, err := r.Cookie("REMEMBER"); err == nil {
					e.shop.commit(r, id, c.Value)
				}
				_, err := io.WriteString(rw, "page "+secret(e.shop.users[id]))
				return err
			}
			v := e.visitor()
			v.send("GET /page", "Sec-Fetch-Mode: navigate")
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			e.wantPage("before", v, "bob")
			e.endAll("bob")
			time.Sleep(5 * time.Second)
			// of the old cookies the visit's and the last one
			v.cookies = slices.Delete(v.cookies, 1, len(v.cookies)-1)
			f := v.send("GET /enter")
			if strings.Contains(f.text(), secret("bob")) {
				t.Errorf("without the password: %s", f.text())
			}
			time.Sleep(time.Minute)
			if f := v.send("GET /page"); strings.Contains(f.text(), secret("bob")) {
				t.Errorf("a page a minute later: %s", f.text())
			}
		})
	}
}
