package attack

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/test/kit/harness"
)

func moveClock(minutes int) (restore func()) { return clock.Move(time.Duration(minutes) * time.Minute) }

// both runs two things at once and waits for them.
func both(a, b func()) {
	var group sync.WaitGroup
	group.Go(a)
	group.Go(b)
	group.Wait()
}

func legacyHarness(t *testing.T, lines string) *harness.Harness {
	t.Helper()
	// This portal commits sign-ins at once: none has to wait for an earlier one for long.
	return harness.Start(t, &harness.Legacy{Rotate: true}, harness.LegacyLate+"\nsettle 100ms"+lines)
}

func enrolled(h *harness.Harness, user string) *harness.Device {
	b := h.Browser()
	b.SignIn(user)
	return b.Enrol()
}

// cleared is a browser that is signed in and has given a code.
func cleared(t *testing.T, h *harness.Harness, user string, d *harness.Device) *harness.Browser {
	t.Helper()
	b := h.Browser()
	b.SignIn(user)
	b.Pass(d.Code(t))
	if p := b.Get("/account"); !strings.Contains(p.Body, harness.SecretOf(user)) {
		t.Fatalf("%s is not cleared: %d %q %.300s", user, p.Status, p.Location, p.Body)
	}
	return b
}

// shown reports whether the browser gets something of the user's, as page or script.
func shown(b *harness.Browser, user string) bool {
	for _, p := range []*harness.Page{b.Get("/account"), b.Fetch(http.MethodGet, "/account", "", ""), b.Post("/account", url.Values{"a": {"b"}})} {
		if strings.Contains(p.Body, harness.SecretOf(user)) || p.Header.Get("X-Portal-User") == user {
			return true
		}
	}
	return false
}

// TestAttack_VerifyRacesSignOut: a code and a sign-out arrive at once, by the portal's link or by
// the challenge's own. In either order the code clears one visit or none, the copies of that visit
// end with it, and the next sign-in owes a new code.
func TestAttack_VerifyRacesSignOut(t *testing.T) {
	h := legacyHarness(t, unthrottled)
	alice := enrolled(h, "alice")
	for round := range 8 {
		for _, out := range []string{"/logout", "/two-factor/challenge"} {
			b, other := h.Browser(), h.Browser()
			b.SignIn("alice")
			other.SignIn("alice")
			before, code := b.Clone(), alice.Code(t)
			both(func() { b.Pass(code) }, func() { b.Post(out, url.Values{"action": {"sign-out"}}) })
			after := b.Clone()
			if open := shown(b, "alice"); open && (other.Pass(code).Status == http.StatusSeeOther || shown(other, "alice")) {
				t.Errorf("round %d, %s: the code opened two visits", round, out)
			}
			b.Get("/logout")
			b.SignIn("alice")
			for name, c := range map[string]*harness.Browser{"the next sign-in": b, "a copy of before": before, "a copy of between": after} {
				if shown(c, "alice") {
					t.Errorf("round %d, %s: %s owes nothing", round, out, name)
				}
			}
		}
	}
}

// TestAttack_VerifyRacesTurningOff: a code and turning two-factor authentication off arrive at
// once. In either order no earlier clearance opens a page once the user has enrolled again, and no
// code is accepted twice.
func TestAttack_VerifyRacesTurningOff(t *testing.T) {
	h := legacyHarness(t, unthrottled)
	for round := range 4 {
		alice := enrolled(h, "alice")
		owner, other := cleared(t, h, "alice", alice), h.Browser()
		other.SignIn("alice")
		code := alice.Code(t)
		var off *harness.Page
		both(func() { other.Pass(alice.Backup[0]) },
			func() { off = owner.Post("/two-factor/disable", url.Values{"code": {code}}) })
		if off.Status != http.StatusSeeOther {
			t.Fatalf("round %d: turning off: %d %.1000s", round, off.Status, off.Body)
		}
		defer clock.Move(session.EndMargin)()
		third := h.Browser()
		third.SignIn("alice")
		if !shown(third, "alice") {
			t.Errorf("round %d: it is off, and a code is owed", round)
		}
		again := third.Enrol()
		for name, b := range map[string]*harness.Browser{"who turned it off": owner, "who gave a code": other} {
			if shown(b, "alice") {
				t.Errorf("round %d: %s may pass after a new set-up elsewhere", round, name)
			}
		}
		if p := third.Post("/two-factor/disable", url.Values{"code": {again.Code(t)}}); p.Status != http.StatusSeeOther {
			t.Fatalf("round %d: %d", round, p.Status)
		}
		defer clock.Move(session.EndMargin)()
	}
}

var (
	setupSecret = regexp.MustCompile(`otpauth://totp/[^"?]*\?secret=([A-Z2-7]+)`)
	setupField  = regexp.MustCompile(`name="setup" value="([^"]+)"`)
)

// TestAttack_TwoTabsEnrol: two tabs of one browser, and two browsers, confirm a set-up at the same
// moment, each with its own key. One wins, and only its key is accepted.
func TestAttack_TwoTabsEnrol(t *testing.T) {
	for round := range 4 {
		h := legacyHarness(t, unthrottled)
		one := h.Browser()
		one.SignIn("alice")
		two := one
		if round%2 == 1 {
			two = h.Browser()
			two.SignIn("alice")
		}
		var devices [2]*harness.Device
		var forms [2]url.Values
		for i, b := range []*harness.Browser{one, two} {
			body := html.UnescapeString(b.Get("/two-factor/setup").Body)
			secret, setup := setupSecret.FindStringSubmatch(body), setupField.FindStringSubmatch(body)
			if secret == nil || setup == nil {
				t.Fatalf("no set-up page: %.500s", body)
			}
			devices[i] = &harness.Device{Secret: secret[1]}
			forms[i] = url.Values{"setup": {setup[1]}, "code": {devices[i].CodeNow(t)}}
		}
		both(func() { one.Post("/two-factor/setup", forms[0]) }, func() { two.Post("/two-factor/setup", forms[1]) })
		opens := 0
		for _, d := range devices {
			b := h.Browser()
			b.SignIn("alice")
			b.Pass(d.Code(t))
			if shown(b, "alice") {
				opens++
			}
		}
		if opens != 1 && (devices[0].Secret != devices[1].Secret || opens != 2) {
			t.Errorf("round %d: %d of two keys open the account", round, opens)
		}
	}
}

// TestASVS_7_5_1_ChangesNeedACode: sections C and requirements. A cleared user can change nothing
// without a fresh code: not with none, a wrong or a used one. A user who owes a code reaches none
// of the changes.
func TestASVS_7_5_1_ChangesNeedACode(t *testing.T) {
	h := legacyHarness(t, unthrottled)
	alice := enrolled(h, "alice")
	used := alice.Code(t)
	b := h.Browser()
	b.SignIn("alice")
	b.Pass(used)
	if !shown(b, "alice") {
		t.Fatal("not cleared")
	}
	debtor := h.Browser()
	debtor.SignIn("alice")
	fresh := alice.Code(t)
	for _, page := range []string{"/two-factor/disable", "/two-factor/backup-codes", "/two-factor/setup"} {
		for _, code := range []string{"", "000000", used} {
			b.Post(page, url.Values{"code": {code}, "current": {code}, "action": {"generate"}})
		}
		debtor.Post(page, url.Values{"code": {fresh}, "current": {fresh}, "action": {"generate"}})
	}
	other := h.Browser()
	other.SignIn("alice")
	if shown(other, "alice") {
		t.Fatal("it was turned off without a code")
	}
	if p := other.Pass(fresh); p.Status != http.StatusSeeOther || !shown(other, "alice") {
		t.Errorf("the key was replaced, or its code spent: %d", p.Status)
	}
	third := h.Browser()
	third.SignIn("alice")
	if third.Post("/two-factor/challenge?use=backup", url.Values{"code": {alice.Backup[1]}}); !shown(third, "alice") {
		t.Error("the backup codes were replaced without a code")
	}
}
