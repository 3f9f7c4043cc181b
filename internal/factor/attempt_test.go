package factor

import (
	"context"
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

// TestParallelWrongCodes: parallel attempts get no more than the policy gives: codes of
// the authenticator for the user, from whichever addresses; backup codes for the user and
// one address.
func TestParallelWrongCodes(t *testing.T) {
	l := newLab(t)
	e, _ := l.enrol(alice)
	for _, test := range []struct {
		kind, code string
		addresses  int
		tried      int
	}{{KindTOTP, l.wrong(e), 100, 6}, {KindBackup, wrongBackup, 1, 30}} {
		errs := parallel(100, func(i int) error {
			return l.spend(Attempt{User: alice, Code: test.code, Address: fmt.Sprintf("192.0.2.%d", i%test.addresses)})
		})
		if wrong, held := count(errs, wrongCode), count(errs, throttled); wrong != test.tried || held != 100-test.tried {
			t.Errorf("%s: of 100 parallel wrong codes %d were tried and %d throttled, want %d tried", test.kind, wrong, held, test.tried)
		}
		if got := l.record(alice).Failures[test.kind].Count; got != test.tried {
			t.Errorf("%s: %d failures counted, want %d", test.kind, got, test.tried)
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

// TestBackupCodesAreNeverOff: no number of failures, and no wait that an earlier version
// wrote, holds backup codes up for a user.
func TestBackupCodesAreNeverOff(t *testing.T) {
	l := newLab(t)
	_, backup := l.enrol(alice)
	l.change(alice, func(_ store.Tx, u *store.User) {
		u.Failures = map[string]store.Failures{KindBackup: {Count: 500, Until: l.clock.Now().Add(15 * time.Minute)}}
	})
	u := l.record(alice)
	if off, until := l.Lock(&u); off || !until.IsZero() {
		t.Errorf("shown as held up: %v %v", off, until)
	}
	if err := l.spend(Attempt{User: alice, Code: backup[0], Address: home}); err != nil {
		t.Error(err)
	}
}

// TestBackupCodeBudget: an address has a budget for the backup codes of each user, and
// another address has its own. Staff who unlock the user free all of them.
func TestBackupCodeBudget(t *testing.T) {
	s := defaults
	s.Throttle.AddressCount = 3
	l := newLabWith(t, s)
	_, backup := l.enrol(alice)
	for range 3 {
		wantError(t, "wrong code", l.spend(Attempt{User: alice, Code: wrongBackup, Address: home}), ErrWrongCode)
	}
	until := wantThrottled(t, "the fourth", l.spend(Attempt{User: alice, Code: backup[0], Address: home})).Until
	if wait := until.Sub(l.clock.Now()); wait > s.Throttle.AddressPer+time.Second {
		t.Errorf("a wait of %v", wait)
	}
	if err := l.spend(Attempt{User: alice, Code: backup[0], Address: "192.0.2.2"}); err != nil {
		t.Errorf("from another address: %v", err)
	}
	wantThrottled(t, "from the first address still", l.spend(Attempt{User: alice, Code: backup[1], Address: home}))
	if err := l.Unlock(t.Context(), alice, nil); err != nil {
		t.Fatal(err)
	}
	if err := l.spend(Attempt{User: alice, Code: backup[1], Address: home}); err != nil {
		t.Errorf("after staff unlocked: %v", err)
	}
}

// TestDisconnectingIsCounted: a client that goes while its backup code is checked pays
// for the hash, and its wrong code is on record.
func TestDisconnectingIsCounted(t *testing.T) {
	s := defaults
	s.Throttle.AddressCount = 3
	l := newLabWith(t, s)
	_, backup := l.enrol(alice)
	l.events()
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		tried := l.store
		l.store = leaving{tried, cancel}
		_, _ = l.Spend(ctx, Attempt{User: alice, Code: wrongBackup, Address: home}, nil)
		l.store = tried
	}
	if n := len(l.events()); n < 3 {
		t.Errorf("%d events of 3 wrong codes", n)
	}
	wantThrottled(t, "the fourth", l.spend(Attempt{User: alice, Code: backup[0], Address: home}))
}

// leaving is a store that cancels the client's context after the first change, which counts the
// attempt.
type leaving struct {
	store.Store
	leave func()
}

func (s leaving) Update(ctx context.Context, key store.UserKey, fn func(store.Tx) error) error {
	defer s.leave()
	return s.Store.Update(ctx, key, fn)
}

// TestAddressTriesManyUsers: one address that tries codes on many users is held up for
// those who are not known there; a cleared visit, a backup code and a user who passed
// from there before are not.
func TestAddressTriesManyUsers(t *testing.T) {
	s := defaults
	s.Throttle.AddressCount = 3
	l := newLabWith(t, s)
	e, backup := l.enrol(alice)
	totp, secret := *l.record(alice).TOTP, e.Secret
	user := func(i int) string { return fmt.Sprint("user-", i) }
	for i := range 32 {
		l.change(user(i), func(_ store.Tx, u *store.User) {
			own := totp
			own.Secret = l.sealSecret(secret, user(i), totp.ID)
			u.TOTP = &own
		})
	}
	if err := l.spend(Attempt{User: user(31), Code: l.code(e, 0), Address: home}); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		wantError(t, user(i), l.spend(Attempt{User: user(i), Code: l.wrong(e), Address: "::ffff:192.0.2.1"}), ErrWrongCode)
	}
	wantThrottled(t, "the 31st user", l.spend(Attempt{User: user(30), Code: l.code(e, 0), Address: home}))
	if got := l.record(user(30)).Failures; len(got) != 0 {
		t.Errorf("a refused attempt was counted: %v", got)
	}
	id := l.clear(alice, 1)
	for what, a := range map[string]Attempt{
		"a backup code":             {User: alice, Code: backup[0], Address: home},
		"who is cleared":            {User: alice, Code: l.code(e, 0), Address: home, Cleared: id},
		"who passed from there":     {User: user(31), Code: l.code(e, 1), Address: home},
		"a user at another address": {User: user(30), Code: l.code(e, 0), Address: "192.0.2.2"},
	} {
		if err := l.spend(a); err != nil {
			t.Errorf("%s: %v", what, err)
		}
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
	if !l.over(&v.ID) {
		t.Error("the session has not ended")
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

// TestForeignClearance: another user's clearance, a revoked token and an unknown token are no
// clearance.
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
