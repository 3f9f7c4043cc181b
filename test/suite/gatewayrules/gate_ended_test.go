package gatewayrules

import (
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// isNobody fails the test unless the portal answers as it does to a stranger.
func isNobody(t *testing.T, what string, p *harness.Page) {
	t.Helper()
	if p.Status != http.StatusOK || p.Body != "nobody" {
		t.Errorf("%s: %d %q %.200s; want what a stranger gets", what, p.Status, p.Location, p.Body)
	}
}

// renewing is a portal that sets its session cookie again with every response.
type renewing struct{ *desk }

func (p renewing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id, s := p.session(r); s != nil && r.FormValue("rotate") == "" {
		setID(w, id)
	}
	p.desk.ServeHTTP(w, r)
}

func startRenewing(t *testing.T, extra string) *deskHarness {
	t.Helper()
	d := newDesk()
	return &deskHarness{harness.Start(t, renewing{d}, deskLines+extra), d, t}
}

// endings are the acts that end sessions, each done in browser a of a user with that device.
var endings = map[string]struct {
	do func(t *testing.T, h *deskHarness, a *harness.Browser, user string, d *harness.Device)
	// all says that browser a ends, too; off says that there is no factor afterwards.
	all, off bool
}{
	"turning off": {off: true, do: func(t *testing.T, _ *deskHarness, a *harness.Browser, _ string, d *harness.Device) {
		acted(t, a.Post("/two-factor/disable", url.Values{"code": {d.Code(t)}}))
	}},
	"sign out everywhere else": {do: func(t *testing.T, _ *deskHarness, a *harness.Browser, _ string, _ *harness.Device) {
		acted(t, a.Post("/two-factor/", url.Values{"action": {"end-others"}}))
	}},
	"replacing": {do: func(t *testing.T, _ *deskHarness, a *harness.Browser, _ string, d *harness.Device) {
		acted(t, a.Post("/two-factor/setup", url.Values{"action": {"replace"}, "code": {d.Code(t)}}))
		page := a.Get("/two-factor/setup").Body
		secret, setup := regexp.MustCompile(`secret=([A-Z2-7]+)`).FindStringSubmatch(page), regexp.MustCompile(`name="setup" value="([^"]+)"`).FindStringSubmatch(page)
		if secret == nil || setup == nil {
			t.Fatalf("no set-up page: %.600s", page)
		}
		d.Secret = secret[1]
		acted(t, a.Post("/two-factor/setup", url.Values{"setup": {setup[1]}, "code": {d.Code(t)}}))
	}},
	"staff end sessions": {all: true, do: func(t *testing.T, _ *deskHarness, _ *harness.Browser, user string, _ *harness.Device) {
		staffDid(t, "end-sessions", user)
	}},
	"staff reset": {all: true, off: true, do: func(t *testing.T, _ *deskHarness, _ *harness.Browser, user string, _ *harness.Device) {
		staffDid(t, "reset", user)
	}},
}

func acted(t *testing.T, p *harness.Page) {
	t.Helper()
	if p.Status != http.StatusSeeOther {
		t.Fatalf("%d %.1000s", p.Status, p.Body)
	}
}

func staffDid(t *testing.T, what, user string) {
	t.Helper()
	if status, answer := askDesk(t, http.MethodPost, "/two_factor/users/"+what, act(user)); status != http.StatusOK {
		t.Fatalf("%d, %v", status, answer)
	}
}

// TestJ8_SessionsEnd: each action that ends all sessions, or all others, signs the other browsers
// out, cleared or not, and the copies of their cookies. They need the password again. The browser
// that acted stays signed in, also where the portal renews its cookie with every response.
func TestJ8_SessionsEnd(t *testing.T) {
	for portal, start := range map[string]func(*testing.T, string) *deskHarness{"set once": startDesk, "renewed": startRenewing} {
		h := start(t, "session 2h idle 30m\n")
		for name, end := range endings {
			t.Run(portal+", "+name, func(t *testing.T) {
				user := "user of " + name
				d := h.enrol(user)
				a, b, late, half := h.cleared(user, d), h.cleared(user, d), h.cleared(user, d), h.Browser()
				defer clock.Move(31 * time.Minute)() // late's clearance has run out
				h.clear(a, user, d)
				h.clear(b, user, d)
				half.Get("/")
				h.in(half, user)
				copies := []*harness.Browser{b.Clone(), late.Clone(), half.Clone(), a.Clone()}
				end.do(t, h, a, user, d)
				if p := a.Get("/two-factor/"); end.all != (p.Status == http.StatusForbidden) {
					t.Errorf("the settings where it was done: %d", p.Status)
				}
				for name, other := range map[string]*harness.Browser{"cleared": b, "clearance run out": late, "password only": half} {
					isNobody(t, name, other.Get("/page"))
					isNobody(t, name+", a form", other.Post("/page", url.Values{"x": {"y"}}))
				}
				// The old token of a was only replaced: a request with it is redirected to itself
				// for a minute.
				defer clock.Move(2 * time.Minute)()
				for i, c := range copies {
					isNobody(t, "copy "+string(rune('0'+i)), c.Get("/page"))
				}
				if end.all {
					isNobody(t, "where it was done", a.Get("/page"))
				} else {
					shows(t, "where it was done", a.Get("/page"), user)
				}
				defer clock.Move(time.Hour)()
				switch p := a.Get("/page"); {
				case end.all:
					isNobody(t, "an hour later", p)
				case end.off:
					shows(t, "an hour later", p, user)
				default:
					challenged(t, "an hour later", p)
				}
				if p := h.in(b, user); end.off {
					shows(t, "signing in again", p, user)
				} else {
					challenged(t, "signing in again", p)
					b.Pass(d.Code(t))
				}
				shows(t, "in again", b.Get("/page"), user)
			})
		}
	}
}

// TestJ8_SignOut: a session that its user signs out, here or from another browser, needs the
// password again, and a copy of its cookies opens nothing, even if the factor goes; wrong
// codes in it end it in the same way.
func TestJ8_SignOut(t *testing.T) {
	h := startDesk(t, "")
	d := h.enrol("alice")
	sessionOf := regexp.MustCompile(`name="visit" value="([0-9a-f]{64})"`)
	for name, out := range map[string]func(b *harness.Browser){
		"this browser": func(b *harness.Browser) {
			page := b.Get("/two-factor/").Body
			for _, found := range sessionOf.FindAllStringSubmatch(page, -1) {
				if p := b.Post("/two-factor/", url.Values{"action": {"end"}, "visit": {found[1]}}); p.Location == "/" {
					return
				}
			}
		},
		"wrong codes": func(b *harness.Browser) {
			for range 5 {
				b.Post("/two-factor/disable", url.Values{"code": {"000000"}})
			}
		},
		"from another browser": func(b *harness.Browser) {
			before := sessionOf.FindAllString(b.Get("/two-factor/").Body, -1)
			other := h.cleared("alice", d)
			acted(t, other.Post("/two-factor/", url.Values{"action": {"end"}, "visit": {sessionOf.FindStringSubmatch(before[0])[1]}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := h.cleared("alice", d)
			stolen := b.Clone()
			out(b)
			isNobody(t, "a copy", stolen.Clone().Get("/page"))
			isNobody(t, "at once", b.Get("/page"))
			if p := b.Get("/two-factor/"); p.Status != http.StatusForbidden {
				t.Errorf("the settings: %d", p.Status)
			}
			staffDid(t, "reset", "alice")
			isNobody(t, "a copy, without the factor", stolen.Clone().Get("/page"))
			defer clock.Move(session.EndMargin)()
			again := h.Browser()
			h.in(again, "alice")
			d = again.Enrol()
		})
	}
}
