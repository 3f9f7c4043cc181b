package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestAttack_H3_NameOfARememberedSignIn: the box "stay signed in" has the name of the cookie
// that it asks for, as in Redmine (autologin) and Spring Security (remember-me). Somebody
// who ticked it must not shut others out who tick it, too, nor may it shut out somebody who
// still has the cookie. A field of that name is no way to send the token.
func TestAttack_H3_NameOfARememberedSignIn(t *testing.T) {
	token := strings.Repeat("a1", 20)
	for name, value := range map[string]string{"autologin": "1", "remember-me": "on", "rememberMe": "true", "remember_user": "0"} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/enter.php"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), r.FormValue("user"))
				if r.FormValue(name) != "" {
					rw.Header().Add("Set-Cookie", name+"="+token+"; Path=/; HttpOnly")
				}
				_, err := io.WriteString(rw, "welcome "+secret(r.FormValue("user")))
				return err
			}
			first, second := w.visitor(), w.visitor()
			for _, v := range []*visitor{first, first, second} {
				if f := v.send("POST /enter.php user=bob&" + name + "=" + value); f.code() != http.StatusOK {
					t.Errorf("signing in: %s", f.text())
				}
			}
			if f := w.visitor().send("POST /page " + name + "=" + token); f.code() != http.StatusForbidden {
				t.Errorf("the token in a form: %s", f.text())
			}
		})
	}
}
