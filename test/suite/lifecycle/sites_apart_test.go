package lifecycle

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// twoPaths are two portals below /a and /b of one site, which share a realm, with the mode and
// the attributes of the session cookie of each.
func twoPaths(t *testing.T, modes, cookies [2]string) (h *harness.Harness) {
	portals, handles := make(map[string]*harness.Legacy), ""
	for i, dir := range []string{"a", "b"} {
		portals[dir] = &harness.Legacy{CookieAttributes: cookies[i]}
		handles += fmt.Sprintf(`	handle /%[1]s/* {
		two_factor {
			realm one
			path /%[1]s/two-factor
			mode %[2]s
			whoami /%[1]s/me {
				anonymous status 401
				user json user
			}
			sign_in /%[1]s/login
		}
		reverse_proxy PORTAL
	}
`, dir, modes[i])
	}
	both := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dir, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		r2 := r.Clone(r.Context())
		r2.URL.Path = "/" + rest
		portals[dir].ServeHTTP(w, r2)
	})
	return harness.StartWhole(t, both, whole(badger, "http://127.0.0.1:PORT {\n\tbind 127.0.0.1\n"+handles+"}\n"))
}

// signInBelow signs a user in at the portal below a directory, with the password only.
func signInBelow(dir string, b *harness.Browser, user string) *harness.Page {
	return b.Post("/"+dir+"/login", url.Values{"user": {user}, "password": {"pw-" + user}})
}

// TestAttack_L7_OtherPort: alice passed at one port of a host. At another port, of the same
// realm, she only looks at the shop front.
func TestAttack_L7_OtherPort(t *testing.T) {
	other := harness.FreePort(t)
	h := harness.StartWhole(t, &harness.Legacy{}, whole(badger, site("PORT", named), site(other, named)))
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

// TestAttack_L7_OtherPath: bob is signed in at the portal below one path. Opening the portal below
// another path, and alice enrolling there, do not change bob's session.
func TestAttack_L7_OtherPath(t *testing.T) {
	h := twoPaths(t, [2]string{"enforce", "enforce"}, [2]string{"; Path=/a/", "; Path=/b/"})
	b := h.Browser()
	signInBelow("a", b, "bob")
	mine := func(when string) {
		t.Helper()
		if got := b.Get("/a/account").Body; !strings.Contains(got, harness.SecretOf("bob")) {
			t.Errorf("%s: %.200s", when, got)
		}
	}
	mine("signed in")
	b.Get("/b/")
	mine("after a look at the other portal")
	signInBelow("b", b, "alice")
	mine("after alice signed in at the other portal")
	b.Base += "/b"
	b.Enrol()
	b.Base = h.URL
	mine("after alice set up a second factor there")
	if got := b.Get("/b/account").Body; !strings.Contains(got, harness.SecretOf("alice")) {
		t.Errorf("alice: %.200s", got)
	}
}

// TestAttack_L9_MixedModes: one of the portals is enforced and the other observed. The observed
// one neither opens nor deletes cookies that the other sealed.
func TestAttack_L9_MixedModes(t *testing.T) {
	h := twoPaths(t, [2]string{"enforce", "observe"}, [2]string{"", "; Path=/b/"})
	b := h.Browser()
	signInBelow("a", b, "bob")
	mine := func() string { return b.Get("/a/account").Body }
	if !strings.Contains(mine(), harness.SecretOf("bob")) {
		t.Fatal(mine())
	}
	p := b.Get("/b/")
	for _, line := range p.Header["Set-Cookie"] {
		if strings.HasPrefix(line, "PHPSESSID=") && !strings.Contains(line, "Path=/b/") {
			t.Errorf("the observed site gives the enforced one's session away: %s", line)
		}
	}
	if got := mine(); !strings.Contains(got, harness.SecretOf("bob")) {
		t.Errorf("after a look at the observed portal: %.200s", got)
	}
}
