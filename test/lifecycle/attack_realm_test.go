package lifecycle

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/house"
)

// TestAttack_L6_RenamedRealm: an operator with one site adds a second one, and does what
// the error says: a realm of its own for each. That must not turn the second factors of all
// customers off without a word.
func TestAttack_L6_RenamedRealm(t *testing.T) {
	other := house.FreePort(t)
	h := house.StartWhole(t, &house.Legacy{}, whole(badger, site("PORT", whoami)))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	thief := h.Browser()
	asked(t, thief.SignIn("alice"))

	refused(t, h, whole(badger, site("PORT", whoami), site(other, "recheck 10s\n"+whoami)), "give each portal a realm of its own")
	before := len(h.LogText())
	if err := h.TryWhole(whole(badger, site("PORT", "realm shop\n"+whoami), site(other, "realm blog\n"+whoami))); err != nil {
		t.Skipf("refused, as it should be: %v", err)
	}
	thief = h.Browser()
	if p := thief.SignIn("alice"); p.Location == "/account" && passes(t, thief, "alice") {
		t.Error("alice, who has a second factor, is let in by password")
	}
	for line := range strings.SplitSeq(h.LogText()[before:], "\n") {
		if strings.Contains(line, "realm") && (strings.Contains(line, `"warn"`) || strings.Contains(line, `"error"`)) {
			t.Logf("warned: %s", line)
		}
	}
}

// TestAttack_L7_OtherPort: alice passed at one port of a host. At another port, of the same
// realm, she only looks at the shop front.
func TestAttack_L7_OtherPort(t *testing.T) {
	other := house.FreePort(t)
	h := house.StartWhole(t, &house.Legacy{}, whole(badger, site("PORT", named), site(other, named)))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	if !passes(t, b, "alice") {
		t.Fatal("alice does not pass")
	}
	home := b.Base
	for range 3 {
		b.Base = "http://127.0.0.1:" + other
		b.Get("/")
	}
	b.Base = home
	if !passes(t, b, "alice") {
		t.Errorf("after a look at the other port: %.200s", b.Get("/account").Body)
	}
}

// TestAttack_L7_OtherPath: two portals below two paths of one site share a realm.
func TestAttack_L7_OtherPath(t *testing.T) {
	handle := func(dir string) string {
		return fmt.Sprintf(`	handle /%[1]s/* {
		two_factor {
			realm one
			path /%[1]s/two-factor
			whoami /%[1]s/me {
				anonymous status 401
				user json user
			}
			sign_in /%[1]s/login
		}
		reverse_proxy PORTAL
	}
`, dir)
	}
	portals := map[string]*house.Legacy{"a": {CookieAttributes: "; Path=/a/"}, "b": {CookieAttributes: "; Path=/b/"}}
	both := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dir, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		u := *r.URL
		u.Path = "/" + rest
		r2 := r.Clone(r.Context())
		r2.URL = &u
		portals[dir].ServeHTTP(w, r2)
	})
	h := house.StartWhole(t, both, whole(badger, "http://127.0.0.1:PORT {\n\tbind 127.0.0.1\n"+handle("a")+handle("b")+"}\n"))
	b := h.Browser()
	b.Post("/a/login", url.Values{"user": {"bob"}, "password": {"pw-bob"}})
	mine := func() string { return b.Get("/a/account").Body }
	if !strings.Contains(mine(), house.SecretOf("bob")) {
		t.Fatal(mine())
	}
	b.Get("/b/")
	if got := mine(); !strings.Contains(got, house.SecretOf("bob")) {
		t.Errorf("after a look at the other portal: %.200s", got)
	}
}

// TestAttack_L1_LateSignInByScript: a script's sign-in with a header of its own begins a
// visit. The portal saves the sign-in a second after its response, within settle.
func TestAttack_L1_LateSignInByScript(t *testing.T) {
	var late house.Legacy
	late.Before = func(l *house.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/late" {
			return false
		}
		id := l.SignInRaw("") // a session of nobody
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
	h := house.StartWhole(t, &late, whole(badger, site("PORT", strings.Replace(named, "sign_in /login /api/login", `watch unsafe
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
