package factor

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

const wrongBackup = "0000-0000-0000-0000"

// TestAttack_H8_WrongBackupCodesFromElsewhere: an attacker with the password gives wrong backup
// codes from one address after another, as often as the throttle permits. The owner's backup
// code and a recovery code of staff are accepted at any moment.
func TestAttack_H8_WrongBackupCodesFromElsewhere(t *testing.T) {
	l := newLab(t)
	e, backup := l.enrol(alice)
	recovery := l.issue()
	attacker := 0
	attack := func() {
		for range 12 {
			attacker++
			a := Attempt{User: alice, Code: wrongBackup, Address: fmt.Sprintf("198.51.100.%d", attacker), Recovery: true}
			err := l.spend(a)
			var wait *Throttled
			if errors.As(err, &wait) {
				l.clock.Set(wait.Until)
				err = l.spend(a)
			}
			wantError(t, "attacker", err, ErrWrongCode)
		}
	}
	attack()
	if u := l.record(alice); u.Throttled() || u.Failures[KindBackup].Count != 12 {
		t.Errorf("listed as throttled: %v; failures %v", u.Throttled(), u.Failures)
	}
	if err := l.spend(Attempt{User: alice, Code: backup[0], Address: home}); err != nil {
		t.Errorf("the owner's backup code: %v", err)
	}
	attack()
	if err := l.spend(recovering(recovery)); err != nil {
		t.Errorf("the recovery code of staff: %v", err)
	}
	attack()
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
		t.Errorf("the owner's code of the app after wrong backup codes: %v", err)
	}
}

// TestAttack_H8_ParallelWrongBackupCodes: the same, with many attempts at once.
func TestAttack_H8_ParallelWrongBackupCodes(t *testing.T) {
	l := newLab(t)
	_, backup := l.enrol(alice)
	errs := parallel(40, func(i int) error {
		return l.spend(Attempt{User: alice, Code: wrongBackup, Address: fmt.Sprintf("198.51.100.%d", i)})
	})
	if n := count(errs, wrongCode); n != 40 {
		t.Errorf("%d of 40 wrong codes from 40 addresses were looked at, want 40", n)
	}
	if err := l.spend(Attempt{User: alice, Code: backup[0], Address: home}); err != nil {
		t.Errorf("the owner's backup code: %v", err)
	}
}

// TestAttack_H8_AppCodesDoNotUseUpBackupCodes: an attacker behind the owner's own
// address can use up the budget of one kind of code only.
func TestAttack_H8_AppCodesDoNotUseUpBackupCodes(t *testing.T) {
	s := defaults
	s.Throttle.AddressCount = 8
	l := newLabWith(t, s)
	e, backup := l.enrol(alice)
	for range 40 {
		err := l.spend(Attempt{User: alice, Code: l.wrong(e), Address: home})
		var wait *Throttled
		if errors.As(err, &wait) && wait.Until.Before(l.clock.Now().Add(2*time.Minute)) {
			l.clock.Set(wait.Until)
		}
	}
	wantThrottled(t, "the app's code", l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}))
	if err := l.spend(Attempt{User: alice, Code: backup[0], Address: home}); err != nil {
		t.Errorf("the owner's backup code: %v", err)
	}
}

// TestAttack_I10_MalformedCodes: any number of malformed codes from one address hold up
// neither their user nor another one behind the same address. They cost no hash and no
// write.
func TestAttack_I10_MalformedCodes(t *testing.T) {
	l := newLab(t)
	ea, _ := l.enrol(alice)
	eb, backup := l.enrol(bob)
	if !hashing.TryAcquire(2) {
		t.Fatal("another test hashes")
	}
	l.events()
	before := l.record(alice)
	for _, code := range []string{"１２３４５６", "12", "", "0000-0000-0000-000", "0000-0000-0000-000U", "123456789012345678901234567890123456789012345678901234567890123456789"} {
		for range 40 {
			wantError(t, "malformed", l.spend(Attempt{User: alice, Code: code, Address: home}), ErrMalformed)
		}
	}
	hashing.Release(2)
	if after := l.record(alice); len(after.Failures) != len(before.Failures) || len(l.events()) != 0 {
		t.Errorf("malformed codes were written down: %v", after.Failures)
	}
	for what, a := range map[string]Attempt{
		"alice":             {User: alice, Code: l.code(ea, 0), Address: home},
		"bob":               {User: bob, Code: l.code(eb, 0), Address: home},
		"bob's backup code": {User: bob, Code: backup[0], Address: home},
	} {
		if err := l.spend(a); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestAttack_I10_FailuresAtOneUser: wrong codes for one user bar no other user of the
// same address, whatever their number, neither from codes of the app nor from backup codes.
func TestAttack_I10_FailuresAtOneUser(t *testing.T) {
	s := defaults
	s.Throttle.AddressCount = 10
	l := newLabWith(t, s)
	ea, _ := l.enrol(alice)
	eb, backup := l.enrol(bob)
	for i := range 60 {
		code := l.wrong(ea)
		if i%2 == 0 {
			code = wrongBackup
		}
		_ = l.spend(Attempt{User: alice, Code: code, Address: home})
		l.clock.Advance(time.Second)
	}
	for what, code := range map[string]string{"code of the app": l.code(eb, 0), "backup code": backup[0]} {
		if err := l.spend(Attempt{User: bob, Code: code, Address: home}); err != nil {
			t.Errorf("bob's %s: %v", what, err)
		}
	}
}
