package attack

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/house"
)

// from has the browser claim another address, as brute force behind forged headers does.
func from(b *house.Browser, n int) *house.Browser {
	b.Header = http.Header{"X-Forwarded-For": {fmt.Sprintf("198.18.%d.%d", n/250, 1+n%250)}}
	return b
}

// TestNIST_HundredFailuresOverVisits: NIST 800-63B and AuthQuake. Restarting the login
// for every guess, from claimed addresses of one's own, resets nothing: after a hundred
// failures in a row no code is taken, not even the right one, until a backup code.
func TestNIST_HundredFailuresOverVisits(t *testing.T) {
	h := legacyHouse(t, "\nthrottle {\n\taddress 100000/10m\n\tfree 5\n\twait 30s\n\tmax 15m\n\tstop 100\n}\n")
	alice := enrolled(h, "alice")
	for n := range 101 {
		b := from(h.Browser(), n)
		b.SignIn("alice")
		p := b.Pass(wrong(t, alice))
		if p.Status == http.StatusSeeOther {
			t.Fatalf("try %d: a wrong code is taken", n)
		}
		t.Cleanup(clock.Move(16 * time.Minute)) // no wait is longer
	}
	b := h.Browser()
	b.SignIn("alice")
	if p := b.Pass(alice.Code(t)); p.Status == http.StatusSeeOther || shown(b, "alice") {
		t.Errorf("after 101 failures: %d %s", p.Status, p.Location)
	}

	b.Post("/two-factor/challenge?use=backup", map[string][]string{"code": {alice.Backup[0]}})
	if !shown(b, "alice") {
		t.Error("a backup code does not unlock")
	}
	cleared(t, h, "alice", alice)
}

// wrong is a code that is not this step's, nor one of its neighbours'.
func wrong(t *testing.T, d *house.Device) string {
	t.Helper()
	near := map[string]bool{}
	for _, move := range []time.Duration{-30 * time.Second, 0, 30 * time.Second} {
		back := clock.Move(move)
		near[d.CodeNow(t)] = true
		back()
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !near[code] {
			return code
		}
	}
}
