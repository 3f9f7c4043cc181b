package factor

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
)

// arrival is an authenticator that was set up elsewhere.
func arrival(user string, codes ...string) (*Import, Enrolment) {
	e := Enrolment{Secret: []byte("12345678901234567890"), Algorithm: SHA256, Digits: 8, Period: 60}
	in := &Import{User: user, Secret: e.Secret, Algorithm: e.Algorithm, Digits: e.Digits, Period: e.Period}
	for _, text := range codes {
		code, ok := ParseBackup(text)
		if !ok {
			panic(text)
		}
		in.Codes = append(in.Codes, code)
	}
	return in, e
}

func (l *lab) arrive(in *Import, replace bool) Imported {
	l.t.Helper()
	done, err := l.Import(l.t.Context(), in, replace, store.Event{Staff: "maija", Reason: "moving in", Detail: map[string]string{"source": "old.csv"}})
	if err != nil {
		l.t.Fatalf("import: %v", err)
	}
	return done
}

func TestImport(t *testing.T) {
	l := newLab(t)
	in, e := arrival(alice, "0123-4567-89AB-CDEF", "GHJK-MNPQ-RSTV-WXYZ")
	if done := l.arrive(in, false); done.Found != FoundNobody {
		t.Errorf("found %v", done.Found)
	}
	u := l.record(alice)
	if u.FirstSeen != noon || u.EnabledAt != noon || u.TOTP.AddedAt != noon || !u.TOTP.UsedAt.IsZero() || u.Backup.Total != 2 || len(u.Backup.Hashes) != 2 {
		t.Errorf("%+v %+v %+v", u, u.TOTP, u.Backup)
	}
	events := l.events()
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	if e := events[0]; e.Kind != store.EventImported || e.Realm != "shop" || e.User != alice || e.Factor != KindTOTP || e.Staff != "maija" || e.Reason != "moving in" || e.Detail["source"] != "old.csv" || e.At != noon {
		t.Errorf("%+v", e)
	}
	l.clock.Advance(2 * time.Minute)
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0), Address: home}); err != nil {
		t.Errorf("a code: %v", err)
	}
	if err := l.spend(Attempt{User: alice, Code: "0123 4567 89ab cdef", Address: home}); err != nil {
		t.Errorf("a backup code: %v", err)
	}
	wantError(t, "the backup code again", l.spend(Attempt{User: alice, Code: "0123 4567 89ab cdef", Address: home}), ErrWrongCode)
}

// TestImport_CodesOfBefore: no code that could have been given to the other system
// before the import, the next one of a phone that is ahead included, is accepted here.
func TestImport_CodesOfBefore(t *testing.T) {
	l := newLab(t)
	in, e := arrival(alice)
	var before []string
	for steps := int64(-1); steps <= 1; steps++ {
		before = append(before, l.code(e, steps))
	}
	l.arrive(in, false)
	for range 3 {
		for _, code := range before {
			wantError(t, "a code of before", l.spend(Attempt{User: alice, Code: code}), ErrWrongCode)
			l.change(alice, func(_ store.Tx, u *store.User) { u.Failures = nil })
		}
		l.clock.Advance(time.Minute)
	}
	if err := l.spend(Attempt{User: alice, Code: l.code(e, 0)}); err != nil {
		t.Errorf("a code of after: %v", err)
	}
}

// TestImportAgain: a repeated import changes nothing for a user who has the authenticator, so
// that no spent code becomes valid.
func TestImportAgain(t *testing.T) {
	for _, replace := range []bool{false, true} {
		l := newLab(t)
		in, e := arrival(alice, "0123-4567-89AB-CDEF", "GHJK-MNPQ-RSTV-WXYZ")
		l.arrive(in, replace)
		l.clock.Advance(5 * time.Minute)
		code := l.code(e, 1)
		if err := errors.Join(l.spend(Attempt{User: alice, Code: code}), l.spend(Attempt{User: alice, Code: "0123-4567-89AB-CDEF"})); err != nil {
			t.Fatal(err)
		}
		before := l.record(alice)
		if done := l.arrive(in, replace); done.Found != FoundSame {
			t.Errorf("found %v", done.Found)
		}
		after := l.record(alice)
		if after.TOTP.ID != before.TOTP.ID || after.TOTP.Floor != before.TOTP.Floor || len(after.Backup.Hashes) != 1 {
			t.Errorf("%+v %+v", after.TOTP, after.Backup)
		}
		wantError(t, "a spent code", l.spend(Attempt{User: alice, Code: code}), ErrWrongCode)
		wantError(t, "a spent backup code", l.spend(Attempt{User: alice, Code: "0123-4567-89AB-CDEF"}), ErrWrongCode)
	}
}

func TestImportOverAnother(t *testing.T) {
	l := newLab(t)
	old, codes := l.enrol(alice)
	id := l.clear(alice, 1)
	in, e := arrival(alice)
	before := l.record(alice)
	_, err := l.Import(t.Context(), in, false, store.Event{Staff: "maija"})
	wantError(t, "another authenticator", err, ErrExists)
	if after := l.record(alice); after.TOTP.ID != before.TOTP.ID || !l.cleared(id) {
		t.Error("something was changed")
	}
	done := l.arrive(in, true)
	if done.Found != FoundOther || len(done.Ended) != 1 || !l.over(id) {
		t.Errorf("%+v", done)
	}
	l.wantSessionsEnded(alice)
	if after := l.record(alice); after.EnabledAt != before.EnabledAt {
		t.Errorf("enabled since %v, was %v", after.EnabledAt, before.EnabledAt)
	}
	l.clock.Advance(2 * time.Minute)
	wantError(t, "a code of the old one", l.spend(Attempt{User: alice, Code: l.code(old, 0)}), ErrMalformed)
	if err := errors.Join(l.spend(Attempt{User: alice, Code: l.code(e, 0)}), l.spend(Attempt{User: alice, Code: codes[0]})); err != nil {
		t.Errorf("the new one, or a backup code that was kept: %v", err)
	}
}

// TestImportEndsRecoveryCode: a code that staff issued for the loss of one authenticator
// opens nothing once an import brought another.
func TestImportEndsRecoveryCode(t *testing.T) {
	l := newLab(t)
	l.enrol(alice)
	issued := func(store.Tx, store.Recovery) error { return nil }
	code, _, err := l.IssueRecovery(t.Context(), alice, "maija", time.Hour, issued)
	if err != nil {
		t.Fatal(err)
	}
	in, _ := arrival(alice)
	l.arrive(in, true)
	wantError(t, "the recovery code of before", l.spend(Attempt{User: alice, Code: code, Recovery: true}), ErrWrongCode)
}

// TestImportRacesEnrolment: who sets an authenticator up while codes are hashed keeps it.
func TestImportRacesEnrolment(t *testing.T) {
	l := newLab(t)
	in, _ := arrival(alice, "0123-4567-89AB-CDEF")
	hashingImports <- struct{}{} // the import waits here, after it has looked
	errs := make(chan error, 1)
	waiting := &signal{Context: t.Context(), asked: make(chan struct{})}
	go func() {
		_, err := l.Import(waiting, in, false, store.Event{Staff: "maija"})
		errs <- err
	}()
	<-waiting.asked
	l.enrol(alice)
	id := l.record(alice).TOTP.ID
	<-hashingImports
	wantError(t, "the import", <-errs, ErrExists)
	if u := l.record(alice); u.TOTP.ID != id {
		t.Error("the authenticator was replaced")
	}
}

// signal is a context that reports when a goroutine waits for its end.
type signal struct {
	context.Context
	asked chan struct{}
	done  bool
}

func (s *signal) Done() <-chan struct{} {
	if !s.done {
		s.done = true
		close(s.asked)
	}
	return s.Context.Done()
}

// TestOpen: what an export takes out comes in again, in the same realm with its backup
// codes.
func TestOpen(t *testing.T) {
	l, other := newLab(t), newLab(t)
	e, codes := l.enrol(alice)
	u := l.record(alice)
	out, err := l.Open(&u)
	if err != nil || !bytes.Equal(out.Secret, e.Secret) {
		t.Fatalf("%v", err)
	}
	other.clock.Set(l.clock.Now())
	other.arrive(&out, false)
	other.clock.Advance(time.Minute)
	if err := errors.Join(other.spend(Attempt{User: alice, Code: other.code(e, 0)}), other.spend(Attempt{User: alice, Code: codes[0]})); err != nil {
		t.Errorf("after the move: %v", err)
	}
	_, err = other.Open(&u)
	wantError(t, "with another master key", err, keys.ErrOpen)
	_, err = l.Open(&store.User{})
	wantError(t, "without a factor", err, ErrNoFactor)
}
