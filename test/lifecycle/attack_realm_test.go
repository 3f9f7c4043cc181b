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
	still := func() {
		t.Helper()
		asked(t, h.Browser().SignIn("alice"))
	}
	still()

	refused(t, h, whole(badger, site("PORT", whoami), site(other, "recheck 10s\n"+whoami)), "give each portal a realm of its own", "realm default")
	renamed := whole(badger, site("PORT", "realm shop\n"+whoami), site(other, "realm blog\n"+whoami))
	refused(t, h, renamed, `"default" (users with a second factor: 1)`, `"blog", "shop"`, "realm default", "retired_realms default")
	still()
	reload(t, h, whole(badger, site("PORT", "realm default\n"+whoami), site(other, "realm blog\n"+whoami)))
	still()
}

// TestAttack_L6_RemovedPortal: a portal is removed for good, and another one comes. What
// can't be a renamed realm is warned about, what looks like one needs a line.
func TestAttack_L6_RemovedPortal(t *testing.T) {
	const warning = "no two_factor has this realm any more"
	other := house.FreePort(t)
	h := house.StartWhole(t, &house.Legacy{}, whole(badger, site("PORT", "realm shop\n"+whoami), site(other, "realm blog\n"+whoami)))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	at(h, other).SignIn("bob")
	if strings.Contains(h.LogText(), warning) {
		t.Error("warned while a site has the realm")
	}
	reload(t, h, whole(badger, site(other, "realm blog\n"+whoami)))
	if !strings.Contains(h.LogText(), warning) {
		t.Error("no warning of second factors that no site asks for")
	}
	before := len(h.LogText())
	gone := badger + "\nretired_realms shop"
	refused(t, h, whole(badger, site("PORT", "realm wiki\n"+whoami), site(other, "realm blog\n"+whoami)), "retired_realms shop")
	reload(t, h, whole(gone, site("PORT", "realm wiki\n"+whoami), site(other, "realm blog\n"+whoami)))
	if strings.Contains(h.LogText()[before:], warning) {
		t.Error("warned of a retired realm")
	}
	refused(t, h, whole(gone, site("PORT", "realm shop\n"+whoami)), "remove it from retired_realms")
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
