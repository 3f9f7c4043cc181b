package lifecycle

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/house"
)

// TestAttack_L9_MixedModes: of two portals below two paths of one site, which share a realm,
// one is enforced and the other observed. The observed one neither opens what the other
// sealed, nor takes it away.
func TestAttack_L9_MixedModes(t *testing.T) {
	handle := func(dir, mode string) string {
		return fmt.Sprintf(`	handle /%[1]s/* {
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
`, dir, mode)
	}
	portals := map[string]*house.Legacy{"a": {}, "b": {CookieAttributes: "; Path=/b/"}}
	both := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dir, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		r2 := r.Clone(r.Context())
		r2.URL.Path = "/" + rest
		portals[dir].ServeHTTP(w, r2)
	})
	h := house.StartWhole(t, both, whole(badger, "http://127.0.0.1:PORT {\n\tbind 127.0.0.1\n"+handle("a", "enforce")+handle("b", "observe")+"}\n"))
	signIn := func(b *house.Browser, user string) *house.Page {
		return b.Post("/a/login", url.Values{"user": {user}, "password": {"pw-" + user}})
	}
	b := h.Browser()
	signIn(b, "bob")
	mine := func() string { return b.Get("/a/account").Body }
	if !strings.Contains(mine(), house.SecretOf("bob")) {
		t.Fatal(mine())
	}
	p := b.Get("/b/")
	for _, line := range p.Header["Set-Cookie"] {
		if strings.HasPrefix(line, "PHPSESSID=") && !strings.Contains(line, "Path=/b/") {
			t.Errorf("the observed site gives the enforced one's session away: %s", line)
		}
	}
	if got := mine(); !strings.Contains(got, house.SecretOf("bob")) {
		t.Errorf("after a look at the observed portal: %.200s", got)
	}
}
