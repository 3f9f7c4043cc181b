package lifecycle

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_L1_LateSignInByScript: a script's sign-in with an unusual header starts a visit. The
// portal saves the sign-in a second after its response, within settle.
func TestAttack_L1_LateSignInByScript(t *testing.T) {
	var late harness.Legacy
	late.Before = func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/late" {
			return false
		}
		id := l.SignInRaw("") // a session without a user
		w.Header().Add("Set-Cookie", "PHPSESSID="+id+"; Path=/")
		user := r.FormValue("user")
		fmt.Fprint(w, "welcome")
		time.AfterFunc(time.Second, func() {
			save := httptest.NewRequest("GET", "/switch?user="+url.QueryEscape(user), nil)
			save.AddCookie(&http.Cookie{Name: "PHPSESSID", Value: id})
			l.ServeHTTP(httptest.NewRecorder(), save)
		})
		return true
	}
	h := harness.StartWhole(t, &late, whole(badger, site("PORT", strings.Replace(named, "sign_in /login /api/login", `watch unsafe
	sign_in /login /late {
		page /form
		username user
		password password
	}`, 1))))
	owner := h.Browser()
	owner.SignIn("alice")
	owner.Enrol()
	for _, header := range []string{"", "X-Client"} {
		thief := h.Browser()
		r := thief.Request("POST", "/late", strings.NewReader("user=alice&password=pw-alice"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if header != "" {
			r.Header.Set(header, "web")
		}
		thief.Do(r)
		for range 15 {
			if passes(t, thief, "alice") {
				t.Fatalf("alice's account went out (header %q)", header)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
}
