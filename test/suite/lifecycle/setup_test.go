package lifecycle

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// site is one address with two_factor before the portal.
func site(port, lines string) string {
	return fmt.Sprintf(`http://127.0.0.1:%s {
	bind 127.0.0.1
	two_factor {
	%s
	}
	reverse_proxy PORTAL
}
`, port, lines)
}

// whole is a Caddyfile with these lines of the global two_factor option.
func whole(global string, sites ...string) string {
	return "{\n" + harness.GlobalLines + "two_factor {\n" + global + "\n}\n}\n" + strings.Join(sites, "")
}

// overTCP gives a Caddyfile's server an admin endpoint that acts over TCP.
func overTCP(caddyfile, address string) string {
	caddyfile = strings.Replace(caddyfile, "admin off", "admin "+address, 1)
	return strings.Replace(caddyfile, "two_factor {\n", "two_factor {\nadmin_api tcp\n", 1)
}

const (
	badger = "storage badger DIR"
	// whoami describes a Legacy portal without naming a realm.
	whoami = `whoami /me {
		anonymous status 401
		user json user
	}
	sign_in /login /api/login`
	named = "realm one\n" + whoami
)

var usual = whole(badger, site("PORT", named))

// at is another browser, at another port of this machine.
func at(h *harness.Harness, port string) *harness.Browser {
	b := h.Browser()
	b.Base = "http://127.0.0.1:" + port
	return b
}

// passes reports whether the page shows the user's account.
func passes(t testing.TB, b *harness.Browser, user string) bool {
	t.Helper()
	return strings.Contains(b.Get("/account").Body, harness.SecretOf(user))
}

// asked fails the test unless a sign-in led to the challenge.
func asked(t testing.TB, p *harness.Page) {
	t.Helper()
	if p.Status != http.StatusSeeOther || p.Location != "/two-factor/challenge" {
		t.Fatalf("sign-in of somebody with a second factor: %d %q %.200s", p.Status, p.Location, p.Body)
	}
}

// accepted fails the test unless a code was.
func accepted(t testing.TB, p *harness.Page) {
	t.Helper()
	if p.Status != http.StatusSeeOther || p.Location == "/two-factor/challenge" {
		t.Fatalf("a right code: %d %q %.400s", p.Status, p.Location, p.Body)
	}
}

// waiting is a portal that answers /wait when the test says so.
type waiting struct {
	harness.Legacy
	// begun receives the path of each waiting request; goOn releases one.
	begun chan string
	goOn  chan struct{}
}

func newWaiting() *waiting {
	p := &waiting{begun: make(chan string, 100), goOn: make(chan struct{})}
	p.Before = func(_ *harness.Legacy, _ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Query().Has("wait") {
			p.begun <- r.Method + " " + r.URL.Path
			select {
			case <-p.goOn:
			case <-time.After(20 * time.Second): // a test that failed must not wait for ever
			}
		}
		return false
	}
	return p
}

// started waits until a request waits at the portal.
func (p *waiting) started(t testing.TB) string {
	t.Helper()
	select {
	case path := <-p.begun:
		return path
	case <-time.After(10 * time.Second):
		t.Fatal("no request arrived at the portal")
		return ""
	}
}

// later sends a request now and returns its response when asked for it.
func later(b *harness.Browser, r *http.Request) func() (*harness.Page, error) {
	type result struct {
		page *harness.Page
		err  error
	}
	got := make(chan result, 1)
	go func() {
		p, err := b.Try(r)
		got <- result{p, err}
	}()
	return func() (*harness.Page, error) { r := <-got; return r.page, r.err }
}
