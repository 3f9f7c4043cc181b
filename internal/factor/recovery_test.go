package factor

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// issue gives alice a recovery code for a day.
func (l *lab) issue() string {
	l.t.Helper()
	code, issued, err := l.IssueRecovery(l.t.Context(), alice, "sinikka", 24*time.Hour, func(store.Tx, store.Recovery) error { return nil })
	if err != nil || issued.Staff != "sinikka" || !issued.Expires.Equal(l.clock.Now().Add(24*time.Hour)) {
		l.t.Fatalf("%+v, %v", issued, err)
	}
	return code
}

// recover is an attempt at the challenge.
func recovering(code string) Attempt {
	return Attempt{User: alice, Code: code, Address: home, Agent: firefox, Recovery: true}
}

// A recovery code is accepted once, at the challenge and nowhere else; it unlocks, and
// its use is recorded with the name of who issued it.
func TestRecoveryCode(t *testing.T) {
	l := newLab(t)
	_, backup := l.enrol(alice)
	code := l.issue()
	if u := l.record(alice); strings.Contains(string(u.Recovery.Hash), strings.ReplaceAll(code, "-", "")) {
		t.Error("the store has the code itself")
	}
	cleared := l.clear(alice, 1)
	for what, a := range map[string]Attempt{
		"where only a fresh code is taken": {User: alice, Code: code, Address: home},
		"in a cleared visit":               {User: alice, Code: code, Address: home, Cleared: cleared},
	} {
		wantError(t, what, l.spend(a), ErrWrongCode)
	}
	l.change(alice, func(_ store.Tx, u *store.User) {
		u.Failures = map[string]store.Failures{KindTOTP: {Count: 100}, KindBackup: {Count: 2}}
	})
	l.events()
	got, err := l.Spend(t.Context(), recovering(strings.ToLower(code)), nil)
	if err != nil || got.Kind != KindRecovery || got.Staff != "sinikka" || got.BackupLeft != len(backup) {
		t.Fatalf("accepted %+v, %v", got, err)
	}
	if u := l.record(alice); u.Recovery != nil || len(u.Failures) != 0 || !u.Activated() || len(u.Backup.Hashes) != len(backup) {
		t.Errorf("user %+v: want no recovery code, no failures, and all else as before", u)
	}
	events := l.events()
	if len(events) != 2 || events[0].Kind != store.EventPassed || events[0].Factor != KindRecovery ||
		events[1].Kind != store.EventRecoveryUsed || events[1].Staff != "sinikka" || events[1].Address != home {
		t.Errorf("recorded %+v", events)
	}
	wantError(t, "again", l.spend(recovering(code)), ErrWrongCode)
}

func TestRecoveryCodeParallelSubmits(t *testing.T) {
	l := newLab(t)
	l.enrol(alice)
	code := l.issue()
	errs := parallel(10, func(i int) error {
		a := recovering(code)
		a.Address = fmt.Sprint("192.0.2.", i)
		return l.spend(a)
	})
	if n := count(errs, accepted); n != 1 {
		t.Errorf("%d of 10 parallel submits accepted, want 1", n)
	}
}

// What ends a recovery code: its time, a clock that stepped back before it was issued, a
// newer one, and every change of the factors.
func TestRecoveryCodeEnds(t *testing.T) {
	for name, end := range map[string]func(l *lab, e Enrolment, backup []string) error{
		"its time":                  func(l *lab, _ Enrolment, _ []string) error { l.clock.Advance(24 * time.Hour); return nil },
		"a clock that was set back": func(l *lab, _ Enrolment, _ []string) error { l.clock.Advance(-clockSlack - time.Second); return nil },
		"a newer one":               func(l *lab, _ Enrolment, _ []string) error { l.issue(); return nil },
		"a reset": func(l *lab, _ Enrolment, _ []string) error {
			_, err := l.Reset(l.t.Context(), alice, nil)
			return errors.Join(err, l.again())
		},
		"turning off": func(l *lab, _ Enrolment, backup []string) error {
			_, err := l.Disable(l.t.Context(), Attempt{User: alice, Code: backup[0], Address: home}, nil)
			return errors.Join(err, l.again())
		},
		"a new authenticator": func(l *lab, e Enrolment, _ []string) error {
			next, err := l.Begin(e.ID)
			if err != nil {
				return err
			}
			_, err = l.Confirm(l.t.Context(), Attempt{User: alice, Code: l.code(next, 0)}, next, store.VisitID{}, nil)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			e, backup := l.enrol(alice)
			code := l.issue()
			if err := end(l, e, backup); err != nil {
				t.Fatal(err)
			}
			wantError(t, "afterwards", l.spend(recovering(code)), ErrWrongCode)
		})
	}
}

// again gives alice a new factor.
func (l *lab) again() error { l.enrol(alice); return nil }

// The second look, in the transaction: a code that was right when it was hashed, and was
// replaced meanwhile, buys nothing.
func TestRecoveryCodeReplacedMeanwhile(t *testing.T) {
	l := newLab(t)
	l.enrol(alice)
	code := l.issue()
	bought := false
	_, err := l.Service.spend(t.Context(), recovering(code), func() error {
		l.issue()
		return nil
	}, func(store.Tx, *store.User, Accepted) error {
		bought = true
		return nil
	})
	if !errors.Is(err, ErrWrongCode) || bought {
		t.Errorf("error %v, bought %v", err, bought)
	}
}

// TestRecoveryCodeIsThrottled: wrong ones are counted as wrong backup codes, for each
// address. A code that staff issue is held up by none of before.
func TestRecoveryCodeIsThrottled(t *testing.T) {
	s := defaults
	s.Throttle.AddressCount = 3
	l := newLabWith(t, s)
	l.enrol(alice)
	code := l.issue()
	wrong := func() {
		for range 3 {
			wantError(t, "wrong", l.spend(recovering(wrongBackup)), ErrWrongCode)
		}
	}
	wrong()
	wantThrottled(t, "the right one from that address", l.spend(recovering(code)))
	code = l.issue()
	wrong()
	elsewhere := recovering(code)
	elsewhere.Address = "192.0.2.2"
	if err := l.spend(elsewhere); err != nil {
		t.Errorf("from another address: %v", err)
	}
}

// TestRecoveryCodeIsOneUsers: a code that is copied to another user's record is not accepted
// there. A user who is not asked for codes gets no recovery code.
func TestRecoveryCodeIsOneUsers(t *testing.T) {
	l := newLab(t)
	l.enrol(alice)
	l.enrol(bob)
	code := l.issue()
	moved := l.record(alice).Recovery
	l.change(bob, func(_ store.Tx, u *store.User) { u.Recovery = moved })
	a := recovering(code)
	a.User = bob
	wantError(t, "bob with alice's", l.spend(a), ErrWrongCode)
	l.change("1003", func(store.Tx, *store.User) {})
	for _, user := range []string{"1003", "nobody"} {
		_, _, err := l.IssueRecovery(t.Context(), user, "sinikka", time.Hour, func(store.Tx, store.Recovery) error { return nil })
		wantError(t, user, err, ErrNoFactor)
	}
}

// What the event about it can't be written with is not issued.
func TestRecoveryCodeWithItsEvent(t *testing.T) {
	l := newLab(t)
	l.enrol(alice)
	stop := errors.New("no room for the event")
	code, _, err := l.IssueRecovery(t.Context(), alice, "sinikka", time.Hour, func(store.Tx, store.Recovery) error { return stop })
	if wantError(t, "issuing", err, stop); code != "" || l.record(alice).Recovery != nil {
		t.Errorf("issued all the same: %q", code)
	}
}

// A replacement by way of a recovery code makes new backup codes, others don't.
func TestReplacementRenews(t *testing.T) {
	l := newLab(t)
	e, old := l.enrol(alice)
	for _, renew := range []bool{false, true} {
		next, err := l.Begin(e.ID)
		if err != nil {
			t.Fatal(err)
		}
		next.Renew = renew
		done, err := l.Confirm(t.Context(), Attempt{User: alice, Code: l.code(next, 0)}, next, store.VisitID{}, nil)
		if err != nil || (len(done.BackupCodes) > 0) != renew {
			t.Fatalf("renew %v: %d new codes, %v", renew, len(done.BackupCodes), err)
		}
		e = next
	}
	wantError(t, "an old backup code", l.spend(Attempt{User: alice, Code: old[0], Address: home}), ErrWrongCode)
}
