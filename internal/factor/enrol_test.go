package factor

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// ASVS 6.5.3, RFC 4226 R6: keys of 160 bits, from the randomness given.
func TestASVS_6_5_3_Secret(t *testing.T) {
	l := newLab(t)
	l.Rand = rand.NewChaCha8([32]byte{1})
	e, err := l.Begin("")
	if err != nil {
		t.Fatal(err)
	}
	want := make([]byte, 36)
	rand.NewChaCha8([32]byte{1}).Read(want)
	if !bytes.Equal(e.Secret, want[16:]) || len(e.Secret) != 20 {
		t.Errorf("secret %x is not the next 160 bits", e.Secret)
	}
	if e.Algorithm != SHA1 || e.Digits != 6 || e.Period != 30 || !e.Started.Equal(noon) {
		t.Errorf("enrolment %+v", e)
	}
	other, err := l.Begin("")
	if err != nil || other.ID == e.ID || bytes.Equal(other.Secret, e.Secret) {
		t.Errorf("second enrolment %+v, %v", other, err)
	}
	l.Rand = iotest.ErrReader(errors.New("dry"))
	if e, err := l.Begin(""); err == nil {
		t.Errorf("enrolment %+v without randomness", e)
	}
}

func TestConfirm(t *testing.T) {
	l := newLab(t)
	e, err := l.Begin("")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, code string
		want       error
	}{
		{"malformed", "12345", ErrMalformed},
		{"a backup code", "0000-0000-0000-0000", ErrMalformed},
		{"wrong", wrongFor(l, e), ErrWrongCode},
		{"three minutes behind", l.code(e, -6), ErrClock{Drift: -3 * time.Minute}},
		{"just behind", l.code(e, -2), ErrClock{Drift: -time.Minute}},
		{"ten minutes ahead", l.code(e, 20), ErrClock{Drift: 10 * time.Minute}},
		{"further ahead", l.code(e, 21), ErrWrongCode},
	} {
		_, err := l.Confirm(t.Context(), Attempt{User: alice, Code: test.code}, e, store.VisitID{}, nil)
		wantError(t, test.name, err, test.want)
	}
	if _, err := l.store.User(t.Context(), l.key(alice)); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("a refused code wrote something: %v", err)
	}
	code := l.code(e, -1)
	done, err := l.Confirm(t.Context(), Attempt{User: alice, Code: code[:3] + " " + code[3:]}, e, store.VisitID{}, nil)
	if err != nil || len(done.BackupCodes) != 2 {
		t.Fatalf("%d backup codes, %v", len(done.BackupCodes), err)
	}
	u := l.record(alice)
	if !u.Activated() || u.TOTP.Floor != noon.Unix()/30-1 || !u.EnabledAt.Equal(noon) || !u.TOTP.AddedAt.Equal(noon) {
		t.Errorf("user %+v, factor %+v", u, u.TOTP)
	}
	// ASVS 6.5.1: the code that confirmed is spent.
	wantError(t, "confirming code again", l.spend(Attempt{User: alice, Code: code, Address: home}), ErrWrongCode)
	l.change(alice, func(_ store.Tx, u *store.User) { u.TOTP.Floor = 0 })
	wantError(t, "confirming code again, with a lost floor", l.spend(Attempt{User: alice, Code: code, Address: home}), ErrWrongCode)
}

// wrongFor is a code that belongs to no step within the clock hint.
func wrongFor(l *lab, e Enrolment) string {
	near := make(map[string]bool)
	for steps := int64(-21); steps <= 21; steps++ {
		near[l.code(e, steps)] = true
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !near[code] {
			return code
		}
	}
}

func TestConfirmTakesItsTime(t *testing.T) {
	l := newLab(t)
	e, err := l.Begin("")
	if err != nil {
		t.Fatal(err)
	}
	l.clock.Advance(time.Hour + time.Second)
	_, err = l.Confirm(t.Context(), Attempt{User: alice, Code: l.code(e, 0)}, e, store.VisitID{}, nil)
	wantError(t, "late", err, ErrExpired)
	wantError(t, "late", err, ErrChanged)
	l.clock.Advance(-time.Second)
	if _, err = l.Confirm(t.Context(), Attempt{User: alice, Code: l.code(e, 0)}, e, store.VisitID{}, nil); err != nil {
		t.Errorf("in time: %v", err)
	}
}

// The clearance that the confirming code buys is spared, all others end.
func TestConfirmEndsClearances(t *testing.T) {
	l := newLab(t)
	first, old, others := l.clear(alice, 1), l.clear(alice, 2), l.clear(bob, 3)
	e, err := l.Begin("")
	if err != nil {
		t.Fatal(err)
	}
	bought := l.clearance(alice, 9)
	done, err := l.Confirm(t.Context(), Attempt{User: alice, Code: l.code(e, 0)}, e, bought.ID, func(tx store.Tx) error { return tx.PutVisit(bought) })
	if err != nil {
		t.Fatal(err)
	}
	if len(done.Ended) != 2 || l.cleared(first) || l.cleared(old) {
		t.Errorf("ended %v", done.Ended)
	}
	if !l.cleared(&bought.ID) || !l.cleared(others) {
		t.Error("ended too much")
	}
}

func TestConfirmFailedPurchase(t *testing.T) {
	l := newLab(t)
	id := l.clear(alice, 1)
	e, err := l.Begin("")
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("portal is gone")
	_, err = l.Confirm(t.Context(), Attempt{User: alice, Code: l.code(e, 0)}, e, store.VisitID{}, func(store.Tx) error { return broken })
	wantError(t, "purchase", err, broken)
	if l.record(alice).Activated() || !l.cleared(id) {
		t.Error("half of a failed confirmation was written")
	}
	if _, err = l.Confirm(t.Context(), Attempt{User: alice, Code: l.code(e, 0)}, e, store.VisitID{}, nil); err != nil {
		t.Errorf("the same code after a failed purchase: %v", err)
	}
}

func TestAttack_TwoTabsEnrol(t *testing.T) {
	l := newLab(t)
	tabs := make([]Enrolment, 4)
	for i := range tabs {
		var err error
		if tabs[i], err = l.Begin(""); err != nil {
			t.Fatal(err)
		}
	}
	tabs[3] = tabs[2] // and one that sends its form twice
	errs := parallel(len(tabs), func(i int) error {
		_, err := l.Confirm(t.Context(), Attempt{User: alice, Code: l.code(tabs[i], 0)}, tabs[i], store.VisitID{}, nil)
		return err
	})
	changed := count(errs, func(err error) bool { return errors.Is(err, ErrChanged) })
	if won := count(errs, accepted); won != 1 || changed != 3 {
		t.Fatalf("%d tabs won: %v", won, errs)
	}
	for i, err := range errs {
		if err == nil && l.record(alice).TOTP.ID != tabs[i].ID {
			t.Error("the active factor is not the winner's")
		}
	}
}

// A replacement keeps the backup codes and the date, and the old one works until then.
func TestReplace(t *testing.T) {
	l := newLab(t)
	old, backup := l.enrol(alice)
	e, err := l.Begin(old.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.spend(Attempt{User: alice, Code: l.code(old, 0), Address: home}); err != nil {
		t.Errorf("the old one before confirmation: %v", err)
	}
	l.change(alice, func(_ store.Tx, u *store.User) {
		u.Failures = map[string]store.Failures{KindTOTP: {Count: 100}}
	})
	id := l.clear(alice, 1)
	done, err := l.Confirm(t.Context(), Attempt{User: alice, Code: l.code(e, 0)}, e, store.VisitID{}, nil)
	if err != nil || done.BackupCodes != nil {
		t.Fatalf("backup codes %v, %v", done.BackupCodes, err)
	}
	if !l.over(id) {
		t.Error("another session's token is not revoked")
	}
	l.wantSessionsEnded(alice)
	if u := l.record(alice); u.TOTP.ID != e.ID || !u.EnabledAt.Equal(noon) {
		t.Errorf("user %+v", u)
	}
	l.clock.Advance(time.Minute)
	wantError(t, "the old one", l.spend(Attempt{User: alice, Code: l.code(old, 0), Address: home}), ErrWrongCode)
	for _, code := range []string{l.code(e, 0), backup[0]} {
		if err := l.spend(Attempt{User: alice, Code: code, Address: home}); err != nil {
			t.Errorf("%s after the replacement: %v", code, err)
		}
	}
}

func TestReplaceWithoutBackupCodesLeft(t *testing.T) {
	l := newLab(t)
	old, backup := l.enrol(alice)
	for _, code := range backup {
		if err := l.spend(Attempt{User: alice, Code: code, Address: home}); err != nil {
			t.Fatal(err)
		}
	}
	e, err := l.Begin(old.ID)
	if err != nil {
		t.Fatal(err)
	}
	done, err := l.Confirm(t.Context(), Attempt{User: alice, Code: l.code(e, 0)}, e, store.VisitID{}, nil)
	if err != nil || len(done.BackupCodes) != 2 {
		t.Errorf("backup codes %v, %v", done.BackupCodes, err)
	}
}

// An enrolment is good for what it was begun for, once.
func TestConfirmRefusesWhatChanged(t *testing.T) {
	l := newLab(t)
	first, err := l.Begin("")
	if err != nil {
		t.Fatal(err)
	}
	confirm := func(e Enrolment) error {
		_, err := l.Confirm(t.Context(), Attempt{User: alice, Code: l.code(e, 0)}, e, store.VisitID{}, nil)
		return err
	}
	second, replacement := first, first
	second.ID, replacement.ID, replacement.Replaces = "second", "replacement", "another"
	wantError(t, "replacing without a factor", confirm(replacement), ErrChanged)
	if err := confirm(first); err != nil {
		t.Fatal(err)
	}
	l.clock.Advance(time.Minute)
	wantError(t, "again", confirm(first), ErrChanged)
	wantError(t, "a second first one", confirm(second), ErrChanged)
	wantError(t, "replacing another", confirm(replacement), ErrChanged)
	if got := l.record(alice).TOTP.ID; got != first.ID {
		t.Errorf("active factor %s", got)
	}
	if _, err := l.Reset(t.Context(), alice, nil); err != nil {
		t.Fatal(err)
	}
	l.clock.Advance(time.Minute)
	wantError(t, "reviving a revoked factor", confirm(first), ErrChanged)
	if l.record(alice).Activated() {
		t.Error("a revoked factor was revived")
	}
}
