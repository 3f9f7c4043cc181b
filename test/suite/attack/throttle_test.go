package attack

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// from has the browser claim another address, as brute force behind forged headers does.
func from(b *harness.Browser, n int) *harness.Browser {
	b.Header = http.Header{"X-Forwarded-For": {fmt.Sprintf("198.18.%d.%d", n/250, 1+n%250)}}
	return b
}

// TestNIST_HundredFailuresOverVisits: NIST 800-63B and AuthQuake. Restarting the login
// for every guess, from claimed addresses of one's own, resets nothing: after a hundred
// failures in a row no code is taken, not even the right one, until a backup code.
func TestNIST_HundredFailuresOverVisits(t *testing.T) {
	h := legacyHarness(t, "\nthrottle {\n\taddress 100000/10m\n\tfree 5\n\twait 30s\n\tmax 15m\n\tstop 100\n}\n")
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

// wrong returns a code that differs from those of the current and the neighbouring steps.
func wrong(t *testing.T, d *harness.Device) string {
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

// at makes the browser connect from another address of the loopback network.
func at(b *harness.Browser, n int) *harness.Browser {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(n))}}
	b.Client.Transport = &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}
	return b
}

const wrongBackup = "0000-0000-0000-0000"

// give gives a code at the page for backup codes.
func give(b *harness.Browser, code string) *harness.Page {
	return b.Post("/two-factor/challenge?use=backup", map[string][]string{"code": {code}})
}

// TestAttack_H8_BackupCodes: an attacker with the password gives wrong backup codes from other
// addresses, as many as the throttle admits. The owner's backup code is accepted at once.
func TestAttack_H8_BackupCodes(t *testing.T) {
	h := legacyHarness(t, "")
	alice := enrolled(h, "alice")
	for n := range 4 {
		b := at(h.Browser(), 10+n)
		b.SignIn("alice")
		for range 4 {
			if p := give(b, wrongBackup); p.Status == http.StatusSeeOther {
				t.Fatal("a wrong code is taken")
			}
		}
	}
	b := at(h.Browser(), 1)
	b.SignIn("alice")
	if p := give(b, alice.Backup[0]); p.Status != http.StatusSeeOther || !shown(b, "alice") {
		t.Errorf("the owner's backup code: %d %s", p.Status, p.Location)
	}
}

// TestAttack_H8_SameAddress: behind the owner's own address wrong backup codes end at a
// budget; those of another user there, and codes of the app, do not.
func TestAttack_H8_SameAddress(t *testing.T) {
	h := legacyHarness(t, "\nthrottle {\n\taddress 4/10m\n}\n")
	alice, bob := enrolled(h, "alice"), enrolled(h, "bob")
	b := h.Browser()
	b.SignIn("alice")
	for n, want := range []int{422, 422, 422, 422, 429} {
		if p := give(b, wrongBackup); p.Status != want {
			t.Errorf("wrong backup code %d: %d, want %d", n+1, p.Status, want)
		}
	}
	other := h.Browser()
	other.SignIn("bob")
	if p := give(other, bob.Backup[0]); p.Status != http.StatusSeeOther {
		t.Errorf("another user's backup code: %d", p.Status)
	}
	cleared(t, h, "alice", alice)
}

// TestAttack_I10_Malformed: 31 and more malformed codes from one address block neither their user
// nor another user at that address.
func TestAttack_I10_Malformed(t *testing.T) {
	h := legacyHarness(t, "")
	alice, bob := enrolled(h, "alice"), enrolled(h, "bob")
	b := h.Browser()
	b.SignIn("bob")
	for range 40 {
		if p := give(b, "no code at all"); p.Status != http.StatusUnprocessableEntity {
			t.Fatalf("a malformed code: %d", p.Status)
		}
	}
	cleared(t, h, "alice", alice)
	cleared(t, h, "bob", bob)
	other := h.Browser()
	other.SignIn("alice")
	if p := give(other, alice.Backup[0]); p.Status != http.StatusSeeOther {
		t.Errorf("a backup code: %d", p.Status)
	}
}
