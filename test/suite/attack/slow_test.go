package attack

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_SlowSignOut:
//
//  1. A stranger signs in at an undeclared address.
//  2. At the same time a safe request runs for longer than the gate waits for it.
//  3. The safe request signs out before the sign-in's response is judged, so the question returns anonymous.
//
// The sign-in's response must still not be released.
func TestAttack_SlowSignOut(t *testing.T) {
	for name, lines := range map[string]string{
		"declared": harness.LegacyLines, "undeclared": "whoami /me {\nanonymous status 401\nuser json user\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			p := &slowSignOut{hangs: make(chan struct{}), signedIn: make(chan struct{}), signedOut: make(chan struct{})}
			h := harness.Start(t, p, lines)
			alice := h.Browser()
			alice.SignIn("alice")
			alice.Enrol()
			b := h.Browser()
			b.Get("/")
			p.armed.Store(true)
			over := make(chan error, 1)
			go func() {
				_, err := b.Try(b.Request(http.MethodGet, "/undeclared", nil))
				over <- err
			}()
			<-p.hangs
			page := b.Post("/login", url.Values{"user": {"alice"}, "password": {"pw-alice"}})
			if err := <-over; err != nil {
				t.Error(err)
			}
			if page.Header.Get("X-Portal-User") != "" || page.Location == "/account" || strings.Contains(page.Body, harness.SecretOf("alice")) {
				t.Errorf("released: %d %q %v", page.Status, page.Location, page.Header)
			}
		})
	}
}

// slowSignOut is the legacy portal, but that once armed a sign-in is answered only after
// the safe request that hangs has signed out.
type slowSignOut struct {
	harness.Legacy
	armed                      atomic.Bool
	hangs, signedIn, signedOut chan struct{}
}

func (p *slowSignOut) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case p.armed.Load() && r.URL.Path == "/login":
		p.Legacy.ServeHTTP(w, r)
		close(p.signedIn)
		await(p.signedOut)
	case p.armed.Load() && r.URL.Path == "/undeclared":
		close(p.hangs)
		await(p.signedIn)
		p.armed.Store(false)
		out := r.Clone(r.Context())
		out.URL.Path = "/logout"
		p.Legacy.ServeHTTP(w, out)
		close(p.signedOut)
	default:
		p.Legacy.ServeHTTP(w, r)
	}
}

// await is bounded, so that a gate that keeps the two apart does not hang the portal.
func await(step <-chan struct{}) {
	select {
	case <-step:
	case <-time.After(20 * time.Second):
	}
}
