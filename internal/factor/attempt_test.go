package factor

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

func TestThrottle(t *testing.T) {
	l := newLab(t)
	e, backup := l.enrol(alice)
	a := Attempt{User: alice, Code: l.wrong(e), Address: home}
	for range 6 {
		wantError(t, "wrong code", l.spend(a), ErrWrongCode)
	}
	// In effect: a right code is refused like a wrong one, and neither is counted.
	for _, code := range []string{a.Code, l.code(e, 0)} {
		err := l.spend(Attempt{User: alice, Code: code, Address: home})
		if until := wantThrottled(t, "during the wait", err).Until; !until.Equal(l.clock.Now().Add(30 * time.Second)) {
			t.Errorf("wait until %v", until)
		}
	}
	if got := l.record(alice).Failures[KindTOTP].Count; got != 6 {
		t.Errorf("%d failures counted, want 6", got)
	}
	l.clock.Advance(30 * time.Second)
	wantError(t, "after the wait", l.spend(Attempt{User: alice, Code: l.wrong(e), Address: home}), ErrWrongCode)
	if until := wantThrottled(t, "second wait", l.spend(a)).Until; !until.Equal(l.clock.Now().Add(time.Minute)) {
		t.Errorf("second wait until %v", until)
	}
	if err := l.spend(Attempt{User: alice, Code: backup[0], Address: home}); err != nil {
		t.Fatalf("backup code during the authenticator's wait: %v", err)
	}
	if got := l.record(alice).Failures; len(got) != 0 {
		t.Errorf("failures after a backup code: %v", got)
	}
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
		t.Errorf("after the backup code: %v", err)
	}
}

func TestAcceptedCodeEndsTheRun(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	for range 3 {
		for range 5 {
			wantError(t, "wrong code", l.spend(Attempt{User: alice, Code: l.wrong(e), Address: home}), ErrWrongCode)
		}
		if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
			t.Fatal(err)
		}
		if got := l.record(alice).Failures; len(got) != 0 {
			t.Errorf("failures after an accepted code: %v", got)
		}
		l.clock.Advance(time.Minute)
	}
}

// The budget is the policy's, however many try at once and from wherever.
func TestParallelWrongCodes(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	for kind, code := range map[string]string{KindTOTP: l.wrong(e), KindBackup: "0000-0000-0000-0000"} {
		errs := parallel(100, func(i int) error {
			return l.spend(Attempt{User: alice, Code: code, Address: fmt.Sprintf("192.0.2.%d", i)})
		})
		if wrong, held := count(errs, wrongCode), count(errs, throttled); wrong != 6 || held != 94 {
			t.Errorf("%s: of 100 parallel wrong codes %d were tried and %d throttled, want 6 and 94", kind, wrong, held)
		}
		if got := l.record(alice).Failures[kind].Count; got != 6 {
			t.Errorf("%s: %d failures counted, want 6", kind, got)
		}
	}
}

// NIST SP 800-63B: 101 failures from 101 addresses. Codes of the authenticator are
// off for visits without clearance until a backup code unlocks.
func TestNIST_HundredFailures(t *testing.T) {
	l := newLab(t)
	e, backup := l.enrol(alice)
	for i := range 100 {
		a := Attempt{User: alice, Code: l.wrong(e), Address: fmt.Sprintf("198.51.100.%d", i)}
		wantError(t, fmt.Sprintf("failure %d", i+1), l.spend(a), ErrWrongCode)
		l.clock.Advance(15 * time.Minute)
	}
	for _, code := range []string{l.wrong(e), l.code(e, 0)} {
		wantError(t, "the 101st", l.spend(Attempt{User: alice, Code: code, Address: "198.51.100.100"}), ErrOff)
	}
	// Who is cleared gets on, but unlocks nothing by that.
	id := l.clear(alice, 1)
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home, Cleared: id}); err != nil {
		t.Errorf("in a cleared visit: %v", err)
	}
	l.clock.Advance(time.Hour)
	wantError(t, "after that", l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}), ErrOff)
	wantError(t, "wrong backup code", l.spend(Attempt{User: alice, Code: "0000-0000-0000-0000", Address: home}), ErrWrongCode)
	if err := l.spend(Attempt{User: alice, Code: backup[0], Address: home}); err != nil {
		t.Fatalf("backup code: %v", err)
	}
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
		t.Errorf("unlocked: %v", err)
	}
}

// Backup codes only wait.
func TestBackupCodesAreNeverOff(t *testing.T) {
	l := newLab(t)
	_, backup := l.enrol(alice)
	l.change(alice, func(_ store.Tx, u *store.User) {
		u.Failures = map[string]store.Failures{KindBackup: {Count: 500, Until: l.clock.Now().Add(15 * time.Minute)}}
	})
	wantThrottled(t, "during the wait", l.spend(Attempt{User: alice, Code: backup[0], Address: home}))
	l.clock.Advance(15 * time.Minute)
	if err := l.spend(Attempt{User: alice, Code: backup[0], Address: home}); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

// What has not the shape of a code costs the user nothing, and the address something.
func TestMalformedCodes(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	for range 30 {
		wantError(t, "malformed", l.spend(Attempt{User: alice, Code: "１２３４５６", Address: home}), ErrMalformed)
	}
	if got := l.record(alice).Failures; len(got) != 0 {
		t.Errorf("malformed codes were counted: %v", got)
	}
	wantThrottled(t, "the 31st", l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}))
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: "192.0.2.2"}); err != nil {
		t.Errorf("from another address: %v", err)
	}
}

// One address that tries a code on many users.
func TestAddressTriesManyUsers(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	totp, sealed := *l.record(alice).TOTP, e.Secret
	user := func(i int) string { return fmt.Sprint("user-", i) }
	for i := range 31 {
		l.change(user(i), func(_ store.Tx, u *store.User) {
			own := totp
			own.Secret = l.sealSecret(sealed, user(i), totp.ID)
			u.TOTP = &own
		})
		err := l.spend(Attempt{User: user(i), Code: l.wrong(e), Address: "::ffff:192.0.2.1"})
		if i < 30 {
			wantError(t, user(i), err, ErrWrongCode)
			continue
		}
		wantThrottled(t, "the 31st user", err)
	}
	if got := l.record(user(30)).Failures; len(got) != 0 {
		t.Errorf("a refused attempt was counted: %v", got)
	}
	id := l.clear(alice, 1)
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home, Cleared: id}); err != nil {
		t.Errorf("who is cleared at that address: %v", err)
	}
}

// Wrong codes in a cleared visit: five in a row, then that clearance is gone; neither
// the user's counters nor other clearances notice.
func TestClearedBudget(t *testing.T) {
	for kind, wrong := range map[string]string{KindTOTP: "", KindBackup: "0000-0000-0000-0000"} {
		t.Run(kind, func(t *testing.T) {
			l := newLab(t)
			e, backup := l.enrol(alice)
			id, other := l.clear(alice, 1), l.clear(alice, 2)
			try := func(code string) error {
				return l.spend(Attempt{User: alice, Code: code, Address: home, Cleared: id})
			}
			if wrong == "" {
				wrong = l.wrong(e)
			}
			for range 4 {
				wantError(t, "wrong code", try(wrong), ErrWrongCode)
			}
			if err := try(backup[0]); err != nil {
				t.Fatalf("right code after four wrong ones: %v", err)
			}
			for i := range 5 {
				err := try(wrong)
				wantError(t, "wrong code", err, ErrWrongCode)
				if ended := errors.Is(err, ErrEnded); ended != (i == 4) || l.cleared(id) != (i < 4) {
					t.Errorf("after %d wrong codes in a row: %v, cleared %v", i+1, err, l.cleared(id))
				}
			}
			err := try(l.code(e, 0))
			wantError(t, "right code after the end", err, ErrEnded)
			wantError(t, "right code after the end", err, ErrChanged)
			if got := l.record(alice).Failures; len(got) != 0 {
				t.Errorf("the user's counters: %v", got)
			}
			if !l.cleared(other) {
				t.Error("another clearance has ended")
			}
			if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
				t.Errorf("signing in anew: %v", err)
			}
		})
	}
}

func TestClearedBudgetParallel(t *testing.T) {
	l := newLab(t)
	l.enrol(alice)
	id := l.clear(alice, 1)
	errs := parallel(50, func(int) error {
		return l.spend(Attempt{User: alice, Code: "0000-0000-0000-0000", Address: home, Cleared: id})
	})
	if n := count(errs, wrongCode); n != 5 {
		t.Errorf("%d of 50 parallel wrong codes were tried, want 5", n)
	}
	if l.cleared(id) {
		t.Error("the clearance has not ended")
	}
}

// A crash after the fifth was counted, before it was found wrong.
func TestClearedBudgetAfterCrash(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	v := l.clearance(alice, 1)
	v.Failures = 5
	l.change(alice, func(tx store.Tx, _ *store.User) {
		if err := tx.PutVisit(v); err != nil {
			t.Error(err)
		}
	})
	wantError(t, "sixth", l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home, Cleared: &v.ID}), ErrEnded)
	if l.cleared(&v.ID) {
		t.Error("the clearance has not ended")
	}
}

// The owner's own attempts neither wait for a stranger's nor forgive them.
func TestStrangerCannotLockOutTheOwner(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	for range 6 {
		wantError(t, "stranger", l.spend(Attempt{User: alice, Code: l.wrong(e), Address: "203.0.113.9"}), ErrWrongCode)
	}
	id := l.clear(alice, 1)
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home, Cleared: id}); err != nil {
		t.Errorf("owner: %v", err)
	}
	wantThrottled(t, "stranger", l.spend(Attempt{User: alice, Code: l.code(e, 1), Address: "203.0.113.9"}))
}

// Somebody else's clearance, a dead token or one that never was is none.
func TestForeignClearance(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	l.enrol(bob)
	dead := l.clearance("", 2)
	l.change(bob, func(tx store.Tx, _ *store.User) {
		if err := tx.PutVisit(dead); err != nil {
			t.Error(err)
		}
	})
	for what, id := range map[string]*store.VisitID{"bob's": l.clear(bob, 1), "dead": &dead.ID, "unknown": {3}} {
		wantError(t, what, l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home, Cleared: id}), ErrEnded)
	}
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
		t.Errorf("alice's code was spent: %v", err)
	}
}
