//go:build portals

package attack

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// phpHarness is a gateway before testdata/legacy.php.
type phpHarness struct {
	*harness.Harness
	// portal is PHP's own address, sessions where it keeps them.
	portal, sessions string
	t                *testing.T
}

const phpLines = `realm default
whoami /me.php {
	anonymous status 401
	user json user
}
sign_in /in.php {
	username user
	password password
}
`

// startPHP runs PHP's own server. Sessions may also be named in the URL, as PHP 5's
// defaults had it.
func startPHP(t *testing.T, extra string) *phpHarness {
	t.Helper()
	h := &phpHarness{sessions: t.TempDir(), t: t}
	address := harness.PHP(t, "testdata/legacy.php", "/me.php", 4,
		[]string{"session.save_path=" + h.sessions, "session.use_only_cookies=0"}, nil)
	h.portal = "http://" + address
	h.Harness = harness.StartSite(t, nil, "two_factor {\n"+phpLines+"\nsettle 500ms\n"+extra+"\n}\nreverse_proxy "+address)
	return h
}

// direct is a browser that talks to PHP without the gateway.
func (h *phpHarness) direct() *harness.Browser {
	b := h.Browser()
	b.Base = h.portal
	b.Client.Jar, _ = cookiejar.New(nil)
	return b
}

// session makes a session at PHP that is signed in, and returns its id.
func (h *phpHarness) session(user string) string {
	h.t.Helper()
	b := h.direct()
	phpSignIn(b, user)
	if b.Get("/page.php").Body != markOf(user) {
		h.t.Fatal("the portal signs nobody in")
	}
	return b.Cookies("/")["app_sess"]
}

// link makes a one-time link's token.
func (h *phpHarness) link(user string) string {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.sessions, "magic-t0ken"+user), []byte(user), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return "t0ken" + user
}

// endSessions is what PHP's garbage collector does in time.
func (h *phpHarness) endSessions() {
	h.t.Helper()
	all, err := filepath.Glob(filepath.Join(h.sessions, "sess_*"))
	if err != nil || len(all) == 0 {
		h.t.Fatalf("%d sessions, %v", len(all), err)
	}
	for _, file := range all {
		if err := os.Remove(file); err != nil {
			h.t.Fatal(err)
		}
	}
}

// enrol gives the user a second factor.
func (h *phpHarness) enrol(user string) *harness.Device {
	h.t.Helper()
	b := h.Browser()
	phpSignIn(b, user)
	return b.Enrol()
}

// cleared is a browser that is signed in and has given a code.
func (h *phpHarness) cleared(user string, d *harness.Device) *harness.Browser {
	h.t.Helper()
	b := h.Browser()
	b.Get("/page.php")
	phpSignIn(b, user)
	b.Pass(d.Code(h.t))
	if p := b.Get("/page.php"); p.Body != markOf(user) {
		h.t.Fatalf("not cleared: %d %q %.300s", p.Status, p.Location, p.Body)
	}
	return b
}

func phpSignIn(b *harness.Browser, user string) *harness.Page {
	return b.Post("/in.php", url.Values{"user": {user}, "password": {"pw-" + user}})
}

// markOf is in everything that only the user may see.
func markOf(user string) string { return "SECRET-" + user }

// visits returns the kinds of visits that an attacker with bob's password or link can open.
func (h *phpHarness) visits(alice *harness.Device) map[string]func() *harness.Browser {
	return map[string]func() *harness.Browser{
		"stranger":  h.Browser,
		"anonymous": func() *harness.Browser { b := h.Browser(); b.Get("/page.php"); return b },
		"unenrolled carol": func() *harness.Browser {
			b := h.Browser()
			phpSignIn(b, "carol")
			return b
		},
		"cleared as alice": func() *harness.Browser { return h.cleared("alice", alice) },
	}
}

// withheld runs act in the browser. The browser and a copy of it from before the act then ask for
// pages. The test fails if a byte of bob's data was on the wire during or after the act.
func withheld(t *testing.T, name string, b *harness.Browser, act func(*harness.Browser)) {
	t.Helper()
	old := b.Clone()
	w := spy(t, b)
	old.Client.Transport = b.Client.Transport
	act(b)
	for _, jar := range []*harness.Browser{b, old} {
		jar.Get("/page.php")
		jar.Fetch(http.MethodGet, "/page.php", "", "")
		jar.Post("/page.php", url.Values{"x": {"y"}})
	}
	if raw := w.take(); strings.Contains(raw, markOf("bob")) {
		t.Errorf("%s: shown to somebody who owes a code:\n%.1500s", name, raw[max(0, strings.Index(raw, markOf("bob"))-900):])
	}
}
