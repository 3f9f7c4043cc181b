package lifecycle

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/witness"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// acceptLoss does what the command accept-loss does once it has looked at the store.
func acceptLoss(t testing.TB, h *harness.Harness) {
	t.Helper()
	known, err := witness.Load(t.Context(), caddy.DefaultStorage)
	if err != nil {
		t.Fatal(err)
	}
	o, ok := witness.Accept(known, h.Dir, []string{"one"}, "sam", "no backup is left", clock.Now().UTC())
	if !ok {
		t.Fatal("nothing is expected")
	}
	if err := witness.Give(t.Context(), caddy.DefaultStorage, o); err != nil {
		t.Fatal(err)
	}
}

// TestAttack_J1_AcceptedOlderCopy: an older copy of the store is put back and accepted. What
// was used since is not known, so all sessions have ended and all codes that may have been used
// are void, as after a restore.
func TestAttack_J1_AcceptedOlderCopy(t *testing.T) {
	k := newKeeper(t, badger)
	open := k.Browser()
	open.SignIn("alice")
	device := open.Enrol()
	begun := k.Browser()
	begun.SignIn("carol")
	setup := begun.Get("/two-factor/setup")
	stop(t)
	older := filepath.Join(t.TempDir(), "older")
	copyDir(t, older, k.Dir)
	reload(t, k.Harness, k.caddyfile)
	spent := device.Code(t)
	cleared := k.Browser()
	asked(t, cleared.SignIn("alice"))
	accepted(t, cleared.Pass(spent))
	accepted(t, owing(t, k.Harness).Pass(device.Backup[0]))
	stop(t)

	acceptLoss(t, k.Harness) // even before the copy is there
	copyDir(t, k.Dir, older)
	reload(t, k.Harness, k.caddyfile)
	for what, b := range map[string]*harness.Browser{"the session in the copy": open, "a session since": cleared} {
		if passes(t, b, "alice") {
			t.Errorf("%s is still cleared", what)
		}
	}
	for what, code := range map[string]string{"a code used since": spent, "a backup code used since": device.Backup[0], "an unused backup code": device.Backup[1]} {
		b := owing(t, k.Harness)
		if p := b.Pass(code); p.Status != http.StatusUnprocessableEntity || passes(t, b, "alice") {
			t.Errorf("%s: %d %q", what, p.Status, p.Location)
		}
	}
	begun.SignIn("carol")
	if p := confirm(t, begun, setup.Body); p.Location == "/two-factor/backup-codes" {
		t.Error("a set-up that was begun before the copy was put back is confirmed")
	}
	time.Sleep(1200 * time.Millisecond) // events are settled
	out := must(t, "audit", "list", "--address", k.admin, "--json")
	for _, part := range []string{store.EventLossAccepted, "no backup is left", `"backup_codes"`} {
		if !strings.Contains(out, part) {
			t.Errorf("the audit log does not say %s:\n%s", part, out)
		}
	}
	stop(t)
	reload(t, k.Harness, k.caddyfile) // it stays accepted
	t.Cleanup(clock.Move(30 * time.Second))
	accepted(t, owing(t, k.Harness).Pass(device.Code(t)))
}

// TestJ1_AcceptedLossOfNone: the loss was accepted, and then the right store was found and put
// back after all. Nothing is void.
func TestJ1_AcceptedLossOfNone(t *testing.T) {
	k := newKeeper(t, badger)
	b := k.Browser()
	b.SignIn("alice")
	device := b.Enrol()
	stop(t)
	acceptLoss(t, k.Harness)
	reload(t, k.Harness, k.caddyfile)
	accepted(t, owing(t, k.Harness).Pass(device.Backup[0]))
}

// TestAttack_J1_AcceptedOtherHistory: the same for a copy that has lived on elsewhere: it is
// not behind its witness, and yet lacks what was used here.
func TestAttack_J1_AcceptedOtherHistory(t *testing.T) {
	h, device := enrolled(t)
	losses["another history of the same store"](t, h)
	acceptLoss(t, h)
	reload(t, h, usual)
	if p := owing(t, h).Pass(device.Backup[0]); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("a backup code that may have been used: %d %q", p.Status, p.Location)
	}
}
