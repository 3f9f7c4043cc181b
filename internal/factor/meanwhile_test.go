package factor

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/throttle"
)

// interrupted is a store in which something else happens before its nth transaction.
type interrupted struct {
	store.Store
	left atomic.Int64
	fn   func()
}

func (s *interrupted) Update(ctx context.Context, key store.UserKey, fn func(store.Tx) error) error {
	if s.left.Add(-1) == 0 {
		s.fn()
	}
	return s.Store.Update(ctx, key, fn)
}

// meanwhile has fn run before the service's nth transaction from now, with a second service
// over the same store, as another server's or as a new configuration's.
func (l *lab) meanwhile(n int64, fn func(other *lab)) {
	other := *l
	other.Service = New(l.store, l.ring, l.realm, l.settings, throttle.NewAddresses(l.settings.Throttle, l.clock.Now))
	other.Clock = l.clock.Now
	s := &interrupted{Store: l.store, fn: func() { fn(&other) }}
	s.left.Store(n)
	l.store = s
}

// TestMeanwhile_Confirmed: another set-up is confirmed between the look at the user and the
// transaction. The user keeps that one.
func TestMeanwhile_Confirmed(t *testing.T) {
	l := newLab(t)
	var tabs [2]Enrolment
	for i := range tabs {
		var err error
		if tabs[i], err = l.Begin(""); err != nil {
			t.Fatal(err)
		}
	}
	confirm := func(l *lab, e Enrolment) error {
		_, err := l.Confirm(t.Context(), Attempt{User: alice, Code: l.code(e, 0)}, e, store.VisitID{}, nil)
		return err
	}
	l.meanwhile(1, func(other *lab) {
		if err := confirm(other, tabs[1]); err != nil {
			t.Error(err)
		}
	})
	wantError(t, "the second", confirm(l, tabs[0]), ErrChanged)
	if got := l.record(alice).TOTP.ID; got != tabs[1].ID {
		t.Errorf("the authenticator is %s, want that of the first confirmation", got)
	}
}

// TestMeanwhile_Replaced: the backup codes are replaced after a code was found right and
// before it is spent. It is refused.
func TestMeanwhile_Replaced(t *testing.T) {
	l := newLab(t)
	e, old := l.enrol(alice)
	l.meanwhile(2, func(other *lab) {
		if _, err := other.Regenerate(t.Context(), Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
			t.Error(err)
		}
	})
	wantError(t, "an old code", l.spend(Attempt{User: alice, Code: old[0], Address: home}), ErrWrongCode)
	if left := len(l.record(alice).Backup.Hashes); left != defaults.BackupCodes {
		t.Errorf("%d new codes are left, want %d", left, defaults.BackupCodes)
	}
}

// TestMeanwhile_Blocked: other attempts use the user's up between the look at the user and
// the transaction. The code is not looked at, though it is right.
func TestMeanwhile_Blocked(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	l.meanwhile(1, func(other *lab) {
		for range defaults.Throttle.Free + 1 {
			wantError(t, "a wrong code", other.spend(Attempt{User: alice, Code: l.wrong(e), Address: "192.0.2.66"}), ErrWrongCode)
		}
	})
	wantThrottled(t, "a right code", l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}))
}
