package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/zap"
)

// TestAttack_H3_NameOfARememberedSignIn: the box "stay signed in" has the name of the cookie
// that it asks for, as in Redmine (autologin) and Spring Security (remember-me). A user who
// ticked it must not shut out others who tick it too, and a user who still has the cookie is not
// shut out. A field of that name is no way to send the token.
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
			if w.logs.FilterField(zap.String("field", name)).Len() != 1 {
				t.Errorf("the log does not say why: %v", w.logs.All())
			}
		})
	}
}

// TestAttack_H3_NameOfAChosenValue: a portal remembers in a cookie what a visitor chose. A
// visitor who chose something long does not keep others from choosing.
func TestAttack_H3_NameOfAChosenValue(t *testing.T) {
	long := strings.Repeat("xy", 20)
	for _, line := range []string{"GET /choose?branch=" + long, "GET /choose?branch=%78" + long[1:], "POST /choose branch=" + long, "GET /choose"} {
		attack(t, line, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/choose"] = func(rw http.ResponseWriter, r *http.Request) error {
				branch := r.FormValue("branch")
				if branch == "" {
					branch = r.Header.Get("Accept-Language")
				}
				rw.Header().Add("Set-Cookie", "branch="+branch+"; Path=/; HttpOnly")
				_, err := io.WriteString(rw, "in "+branch)
				return err
			}
			mallory := w.visitor()
			mallory.send(line, "Accept-Language: "+long)
			mallory.send("GET /page")
			for _, line := range []string{"GET /choose?branch=fi", "POST /choose branch=fi"} {
				if f := w.visitor().send(line); !strings.Contains(f.text(), "in fi") {
					t.Errorf("another visitor: %s: %s", line, f.text())
				}
			}
		})
	}
}
