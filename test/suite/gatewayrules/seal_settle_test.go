package gatewayrules

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// keptSession is a portal that keeps the session's name at the sign-in. Its whoami returns 401 for
// a request with the cookie `half` and without the cookie `key`. /in signs in as alice.
func keptSession(p *probe) func(w http.ResponseWriter, r *http.Request) bool {
	signedIn := false
	has := func(r *http.Request, name string) bool { _, err := r.Cookie(name); return err == nil }
	return func(w http.ResponseWriter, r *http.Request) bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		switch {
		case r.URL.Path == "/in":
			signedIn = true
			w.Header().Add("Set-Cookie", "half=1; Path=/")
			w.Header().Add("Set-Cookie", "key=1; Path=/; Max-Age=600")
		case r.URL.Path != "/me":
			return false
		case !has(r, "session") || !signedIn || has(r, "half") && !has(r, "key"):
			w.WriteHeader(http.StatusUnauthorized)
		default:
			fmt.Fprint(w, `{"user":"alice"}`)
		}
		return true
	}
}

// TestSeal_TheRestIsAskedAboutAgain: when cookies are removed because of their stamp, the question
// covered other credentials than those that remain, and is repeated. Here a session from before
// the sign-in is anonymous only together with the removed cookies.
func TestSeal_TheRestIsAskedAboutAgain(t *testing.T) {
	p := newProbe()
	p.also = keptSession(p)
	h := harness.Start(t, p, harness.LegacyLines+"\nrequire always")
	b := h.Browser()
	b.Get(setting("/", "session=1; Path=/"))
	page := b.Post("/in", nil)
	if page.Location != "/two-factor/setup" {
		t.Fatalf("sign-in: %d %q", page.Status, page.Location)
	}
	for _, name := range sealedNames(page, false) {
		if cookies(page)[name].MaxAge == 600 {
			drop(b, name)
		}
	}
	if page := b.Get("/page"); page.Location == "" || p.Last("/page") != nil {
		t.Errorf("alice's session was forwarded as nobody's: %d", page.Status)
	}
}
