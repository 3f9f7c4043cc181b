package lifecycle

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

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
