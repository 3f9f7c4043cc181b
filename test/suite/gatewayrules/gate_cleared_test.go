package gatewayrules

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// shows fails the test unless the user's page is shown.
func shows(t *testing.T, what string, p *harness.Page, user string) {
	t.Helper()
	if p.Status != http.StatusOK || p.Body != markOf(user) {
		t.Errorf("%s: %d %q %.200s; want the page of %s", what, p.Status, p.Location, p.Body, user)
	}
}

// TestGate_ClearanceEnds: a clearance ends by its life, by idleness, by sign-out, by another user,
// and by turning the factor off elsewhere. Every sign-in owes a code again.
func TestGate_ClearanceEnds(t *testing.T) {
	h := startDesk(t, "session 2h idle 30m\n")
	alice := h.enrol("alice")
	h.enrol("bob")

	t.Run("idle", func(t *testing.T) {
		b := h.cleared("alice", alice)
		defer clock.Move(29 * time.Minute)()
		shows(t, "29 minutes later", b.Get("/page"), "alice")
		defer clock.Move(29 * time.Minute)()
		shows(t, "again 29 minutes later", b.Get("/page"), "alice")
		defer clock.Move(31 * time.Minute)()
		challenged(t, "31 minutes later", b.Get("/page"))
	})
	t.Run("life", func(t *testing.T) {
		b := h.cleared("alice", alice)
		for range 4 {
			defer clock.Move(29 * time.Minute)()
			shows(t, "within two hours", b.Get("/page"), "alice")
		}
		defer clock.Move(5 * time.Minute)()
		challenged(t, "after two hours", b.Get("/page"))
	})
	t.Run("sign-out", func(t *testing.T) {
		b := h.cleared("alice", alice)
		before := b.Clone()
		b.Get("/out")
		if p := b.Get("/page"); p.Status != http.StatusOK || p.Body != "nobody" {
			t.Errorf("signed out: %d %s", p.Status, p.Body)
		}
		challenged(t, "signing in again", h.in(b, "alice"))
		challenged(t, "a copy of the cookies from before", before.Get("/page"))
	})
	t.Run("undeclared sign-out", func(t *testing.T) {
		b := h.cleared("alice", alice)
		b.Get("/as/?kind=redirect") // signs no user in
		challenged(t, "signing in again", h.in(b, "alice"))
	})
	t.Run("another user", func(t *testing.T) {
		b := h.cleared("alice", alice)
		before := b.Clone()
		challenged(t, "as bob", h.in(b, "bob"))
		h.desk.become("bob", "alice")
		defer clock.Move(61 * time.Second)()
		challenged(t, "back as alice", b.Get("/page"))
		challenged(t, "a copy of the cookies from before", before.Get("/page"))
	})
	t.Run("a user who owes nothing", func(t *testing.T) {
		b := h.cleared("alice", alice)
		shows(t, "as carol", h.in(b, "carol"), "carol")
		challenged(t, "signing in again", h.in(b, "alice"))
		b = h.cleared("alice", alice)
		h.in(b, "carol")
		h.desk.become("carol", "alice")
		defer clock.Move(61 * time.Second)()
		challenged(t, "back as alice", b.Get("/page"))
	})
	t.Run("turned off elsewhere", func(t *testing.T) {
		dave := h.enrol("dave")
		b, c := h.cleared("dave", dave), h.cleared("dave", dave)
		shows(t, "before", c.Get("/page"), "dave")
		p := b.Post("/two-factor/disable", url.Values{"code": {dave.Code(t)}})
		if p.Status != http.StatusSeeOther {
			t.Fatalf("turning off: %d %.1500s", p.Status, p.Body)
		}
		shows(t, "where it was turned off", b.Get("/page"), "dave")
		if p := c.Get("/page"); p.Body != "nobody" {
			t.Errorf("the other browser: %d %s", p.Status, p.Body)
		}
		// Enrolled once more, the old clearances are not back.
		defer clock.Move(session.EndMargin)()
		other := h.Browser()
		h.in(other, "dave")
		other.Enrol()
		challenged(t, "after a new set-up elsewhere", b.Get("/page"))
		if p := c.Get("/page"); p.Body != "nobody" {
			t.Errorf("the other browser, after a new set-up elsewhere: %d %s", p.Status, p.Body)
		}
	})
}

// TestGate_ClearanceSurvives: wrong passwords, a cross-site request without cookies, missing
// cookies and cookies of another user end no clearance.
func TestGate_ClearanceSurvives(t *testing.T) {
	h := startDesk(t, "")
	alice := h.enrol("alice")
	bob := h.enrol("bob")
	b := h.cleared("alice", alice)

	b.Post("/in", url.Values{"user": {"bob"}})
	shows(t, "after a wrong password", b.Get("/page"), "alice")

	// Only the visit's own cookie comes, as on a cross-site request: the portal's are missing.
	for range 2 {
		bare := h.Browser()
		bare.SetCookie("sg", b.Cookies("/")["sg"])
		if p := bare.Get("/none"); p.Body != "nobody" {
			t.Errorf("without the portal's cookies: %d %s", p.Status, p.Body)
		}
		bare.Post("/none", url.Values{"a": {"b"}})
	}
	shows(t, "after requests without the portal's cookies", b.Get("/page"), "alice")

	// Without any cookies the request belongs to no user.
	r := h.Browser().Request(http.MethodPost, "/page", strings.NewReader("a=b"))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if p := h.Browser().Do(r); len(p.Header["Set-Cookie"]) > 0 {
		t.Errorf("a cross-site request begins a visit: %v", p.Header)
	}

	other := h.cleared("bob", bob)
	swapped := h.Browser()
	for name, value := range other.Cookies("/") {
		if name != "sg" {
			swapped.SetCookie(name, value)
		}
	}
	swapped.SetCookie("sg", b.Cookies("/")["sg"])
	if p := swapped.Get("/page"); strings.Contains(p.Body, "SECRET") {
		t.Errorf("alice's visit with bob's cookies: %d %s", p.Status, p.Body)
	}
	shows(t, "alice after the swap", b.Get("/page"), "alice")
	shows(t, "bob after the swap", other.Get("/page"), "bob")
}

// TestGate_SwappedSession: in alice's cleared visit the portal's session becomes bob's without a
// request of the visit, for example by a change of the portal's data. bob owes a code, and alice's
// clearance does not count for bob.
func TestGate_SwappedSession(t *testing.T) {
	h := startDesk(t, "recheck 0s\n")
	alice := h.enrol("alice")
	h.enrol("bob")
	b := h.cleared("alice", alice)
	h.desk.become("alice", "bob")
	challenged(t, "bob's session", b.Get("/page"))
	h.desk.become("bob", "alice")
	shows(t, "alice's again", b.Get("/page"), "alice")
}

// TestGate_Recheck: within recheck the answer is kept, after it the portal is asked;
// 0 asks every time.
func TestGate_Recheck(t *testing.T) {
	for lines, want := range map[string][2]int{"": {0, 1}, "recheck 0s\n": {5, 1}, "recheck 10s\n": {0, 1}} {
		h := startDesk(t, "settle 0\n"+lines)
		asked := 0
		h.desk.answerMe(func(http.ResponseWriter, *http.Request) bool { asked++; return false })
		b := h.Browser()
		b.Get("/")
		h.in(b, "carol")
		b.Get("/page")
		asked = 0
		for range 5 {
			shows(t, "within recheck", b.Get("/page"), "carol")
		}
		if asked != want[0] {
			t.Errorf("%q: asked %d times in five requests, want %d", lines, asked, want[0])
		}
		restore := clock.Move(61 * time.Second)
		asked = 0
		shows(t, "after recheck", b.Get("/page"), "carol")
		if asked != want[1] {
			t.Errorf("%q: asked %d times after recheck", lines, asked)
		}
		restore()
	}
}

// TestGate_Forgetting: an unsafe request invalidates the visit's answers when it is forwarded. The
// answer to a question that runs in parallel is not cached.
func TestGate_Forgetting(t *testing.T) {
	h := startDesk(t, "")
	h.enrol("bob")
	b := h.Browser()
	b.Get("/")
	h.in(b, "carol")
	shows(t, "before", b.Get("/page"), "carol")
	post := later(func() *harness.Page {
		return b.Post("/in?stop=post", url.Values{"user": {"bob"}, "password": {"x"}})
	})
	h.desk.await(t)
	shows(t, "beside the sign-in", b.Get("/page"), "carol") // asked, and true now
	close(h.desk.stop("post"))
	challenged(t, "the sign-in", <-post)
	challenged(t, "after it", b.Get("/page"))
}

// TestGate_Unknown: a whoami that fails, before or after the response, leads to 503 and shows
// nothing. A failure never counts as anonymous.
func TestGate_Unknown(t *testing.T) {
	h := startDesk(t, "")
	alice := h.enrol("alice")
	for name, answer := range map[string]func(w http.ResponseWriter){
		"500":          func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"not found":    func(w http.ResponseWriter) { http.Error(w, "gone", http.StatusNotFound) },
		"other markup": func(w http.ResponseWriter) { _, _ = w.Write([]byte(`{"person":"alice"}`)) },
		"cut off":      func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"too long": func(w http.ResponseWriter) {
			_, _ = w.Write([]byte(`{"user":"carol","x":"` + strings.Repeat("x", 2<<20) + `"}`))
		},
		"no document":   func(w http.ResponseWriter) { _, _ = w.Write([]byte(`<html>maintenance`)) },
		"nobody's page": func(http.ResponseWriter) {},
	} {
		b := h.cleared("alice", alice)
		b.Post("/page", url.Values{"a": {"b"}}) // so that the next one passes on what is known
		w := spy(t, b)
		fail := func(w http.ResponseWriter, r *http.Request) bool { answer(w); return true }
		h.desk.answerMe(fail)
		if p := b.Post("/page", url.Values{"a": {"b"}}); p.Status != http.StatusServiceUnavailable {
			t.Errorf("%s, after: %d", name, p.Status)
		}
		if h.desk.last("/page").Method != http.MethodPost {
			t.Errorf("%s: the POST was not sent on", name)
		}
		p := b.Get("/page") // which the POST let forget what was known
		if p.Status != http.StatusServiceUnavailable || p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("Retry-After") == "" {
			t.Errorf("%s, before: %d %v", name, p.Status, p.Header)
		}
		if p := h.Browser(); p.Get("/none").Status != http.StatusOK {
			t.Errorf("%s: a stranger without cookies needs no question", name)
		}
		if raw := w.take(); strings.Contains(raw, "SECRET") {
			t.Errorf("%s: shown:\n%.1000s", name, raw)
		}
		h.desk.answerMe(nil)
		defer clock.Move(2 * time.Second)() // an unknown answer is kept for a second
		shows(t, name+": the portal is back", b.Get("/page"), "alice")
	}
	if !strings.Contains(h.LogText(), "whoami gave no answer") {
		t.Error("nothing in the log")
	}
}
