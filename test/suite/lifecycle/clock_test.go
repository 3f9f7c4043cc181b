package lifecycle

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// clearedAlice is a gateway with alice set up, and her browser and device.
func clearedAlice(t *testing.T) (*harness.Harness, *harness.Browser, *harness.Device) {
	t.Helper()
	h := harness.StartWhole(t, &harness.Legacy{}, whole(badger, site("PORT", named+"\nthrottle {\nfree 2\nwait 30s\nmax 15m\nstop 100\naddress 1000/1m\n}")))
	b := h.Browser()
	b.SignIn("alice")
	return h, b, b.Enrol()
}

// owing is alice's browser after another sign-in.
func owing(t *testing.T, h *harness.Harness) *harness.Browser {
	t.Helper()
	b := h.Browser()
	asked(t, b.SignIn("alice"))
	return b
}

// codeAt is the code that the device shows when its clock is off by d from ours.
func codeAt(t *testing.T, device *harness.Device, d time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCode(device.Secret, clock.Now().Add(d))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// TestClockSetBack (ASVS 6.5.5): nothing at or below the newest accepted step counts
// after the clock was set back, be it used or not; a clearance of the future does not
// count; a backup code leads in, and once time has caught up codes do again.
func TestClockSetBack(t *testing.T) {
	h, b, device := clearedAlice(t)
	used := device.Code(t)
	accepted(t, owing(t, h).Pass(used))
	fresh := owing(t, h)
	restore := clock.Move(-10 * time.Minute)
	if passes(t, b, "alice") {
		t.Error("a clearance of the future counts")
	}
	for what, code := range map[string]string{"used": used, "of now, and never used": codeAt(t, device, 0), "of the next step": codeAt(t, device, 30*time.Second)} {
		if p := fresh.Pass(code); p.Status == http.StatusSeeOther {
			t.Errorf("a code %s was accepted below the floor", what)
		}
	}
	accepted(t, owing(t, h).Pass(device.Backup[0]))
	restore()
	accepted(t, owing(t, h).Pass(device.Code(t)))
}

var visitPattern = regexp.MustCompile(`name="visit" value="([0-9a-f]{64})"`)

// visits are the clearances that the settings list.
func visits(b *harness.Browser) (ids []string) {
	for _, m := range visitPattern.FindAllStringSubmatch(b.Get("/two-factor/").Body, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

// TestClockSetForward: an idle clearance ends when the clock is set forward, and new ones can be
// granted. Setting the clock back does not restore a clearance that was ended.
func TestClockSetForward(t *testing.T) {
	h, b, device := clearedAlice(t)
	before := visits(b)
	out := owing(t, h)
	accepted(t, out.Pass(device.Code(t)))
	for _, id := range visits(b) {
		if slices.Contains(before, id) {
			continue
		}
		if p := b.Post("/two-factor/", url.Values{"action": {"end"}, "visit": {id}}); p.Status != http.StatusSeeOther {
			t.Fatalf("ending a clearance: %d", p.Status)
		}
	}
	if passes(t, out, "alice") {
		t.Fatal("nothing was ended by hand")
	}
	restore := clock.Move(31 * time.Minute)
	if passes(t, b, "alice") {
		t.Error("an idle clearance counts")
	}
	again := owing(t, h)
	accepted(t, again.Pass(device.Code(t)))
	if !passes(t, again, "alice") || passes(t, out, "alice") {
		t.Error("in the new time the wrong ones count")
	}
	restore()
	if passes(t, out, "alice") {
		t.Error("a clearance that was ended by hand is back")
	}
	if passes(t, again, "alice") {
		t.Error("a clearance of the future counts")
	}
}

// TestClockThrottle: a wait ends at its time although the clock was set forward. A wait that was
// written with a clock far ahead locks no user out once the clock is right again.
func TestClockThrottle(t *testing.T) {
	h, _, device := clearedAlice(t)
	wrong := func(b *harness.Browser) int { return b.Pass("000000").Status }
	restore := clock.Move(365 * 24 * time.Hour)
	b := owing(t, h)
	for range 3 {
		if got := wrong(b); got != http.StatusUnprocessableEntity {
			t.Fatalf("a wrong code: %d", got)
		}
	}
	if got := b.Pass(device.CodeNow(t)).Status; got != http.StatusTooManyRequests {
		t.Errorf("during the wait: %d", got)
	}
	ahead := clock.Move(time.Minute)
	if got := wrong(b); got != http.StatusUnprocessableEntity {
		t.Errorf("after the wait: %d", got)
	}
	ahead()
	restore()
	accepted(t, owing(t, h).Pass(device.Code(t)))
}
