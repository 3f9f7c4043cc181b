package factor

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

const (
	firstCode  = "0123-4567-89AB-CDEF"
	secondCode = "GHJK-MNPQ-RSTV-WXYZ"
)

// replaced gives alice another authenticator than the import's.
func (l *lab) replaced() {
	l.t.Helper()
	next, err := l.Begin(l.record(alice).TOTP.ID)
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.Confirm(l.t.Context(), Attempt{User: alice, Code: l.code(next, 0)}, next, store.VisitID{}, nil); err != nil {
		l.t.Fatal(err)
	}
	l.clock.Advance(2 * time.Minute)
}

// TestAttack_I11_ImportAgain: a file is imported, one of its backup codes is used, and
// the file is imported again over what the user has by then. The used code stays used,
// the other one counts.
func TestAttack_I11_ImportAgain(t *testing.T) {
	for name, between := range map[string]func(l *lab){
		"another authenticator": func(l *lab) { l.replaced() },
		"a reset by staff": func(l *lab) {
			if _, err := l.Reset(l.t.Context(), alice, nil); err != nil {
				l.t.Fatal(err)
			}
		},
	} {
		for _, form := range []string{"in the clear", "as hashes", "as hashes of another set"} {
			t.Run(name+", "+form, func(t *testing.T) {
				l := newLab(t)
				in, _ := arrival(alice, firstCode, secondCode)
				l.arrive(in, false)
				exported := l.exportOf(form, in)
				if err := l.spend(Attempt{User: alice, Code: firstCode, Address: home}); err != nil {
					t.Fatal(err)
				}
				between(l)
				l.arrive(exported, true)
				wantError(t, "the used code", l.spend(Attempt{User: alice, Code: firstCode, Address: home}), ErrWrongCode)
				if left := len(l.record(alice).Backup.Hashes); left != 1 {
					t.Errorf("%d backup codes are left, want 1", left)
				}
				if err := l.spend(Attempt{User: alice, Code: secondCode, Address: home}); err != nil {
					t.Errorf("the unused code: %v", err)
				}
			})
		}
	}
}

// exportOf is what a file may say of the codes of in: themselves, their hashes as this
// store has them, or hashes that another store made of the same codes.
func (l *lab) exportOf(form string, in *Import) *Import {
	l.t.Helper()
	from := l
	switch form {
	case "in the clear":
		return in
	case "as hashes of another set":
		from = newLab(l.t)
		from.arrive(in, false)
	}
	u := from.record(alice)
	out, err := from.Open(&u)
	if err != nil {
		l.t.Fatal(err)
	}
	return &out
}

// TestAttack_I11_CountedByDryRun: a dry run says how many codes would be left out, of
// codes in the clear and of hashes, and the event of the import has the number.
func TestAttack_I11_CountedByDryRun(t *testing.T) {
	for _, form := range []string{"in the clear", "as hashes"} {
		t.Run(form, func(t *testing.T) {
			l := newLab(t)
			in, _ := arrival(alice, firstCode, secondCode)
			l.arrive(in, false)
			exported := l.exportOf(form, in)
			if err := l.spend(Attempt{User: alice, Code: firstCode, Address: home}); err != nil {
				t.Fatal(err)
			}
			l.replaced()
			if m, err := l.Meets(t.Context(), exported); err != nil || m.Found != FoundOther || m.Spent != 1 {
				t.Errorf("dry run: %+v, %v", m, err)
			}
			l.events()
			detail := map[string]string{"source": "old.csv"}
			done, err := l.Import(t.Context(), exported, true, store.Event{Staff: "maija", Detail: detail})
			if err != nil || done.Spent != 1 || len(detail) != 1 {
				t.Errorf("import: %+v, %v; the details that were given became %v", done, err, detail)
			}
			if e := l.events(); len(e) != 1 || e[0].Detail["backup_codes_left_out"] != "1" || e[0].Detail["source"] != "old.csv" {
				t.Errorf("recorded %+v", e)
			}
		})
	}
}

// TestAttack_I11_AllSpent: if all codes of an import are spent, the user keeps the present set.
func TestAttack_I11_AllSpent(t *testing.T) {
	l := newLab(t)
	in, _ := arrival(alice, firstCode)
	l.arrive(in, false)
	if err := l.spend(Attempt{User: alice, Code: firstCode, Address: home}); err != nil {
		t.Fatal(err)
	}
	l.replaced() // makes new codes, since none is left
	own := l.record(alice).Backup
	if done := l.arrive(in, true); done.Spent != 1 {
		t.Errorf("%d codes left out, want 1", done.Spent)
	}
	if got := l.record(alice).Backup; len(got.Hashes) != len(own.Hashes) || string(got.Salt) != string(own.Salt) {
		t.Errorf("the user's own codes are gone: %+v", got)
	}
}

// TestAttack_I11_AnotherUser: the same code is good for another user, and the digests are
// nothing there.
func TestAttack_I11_AnotherUser(t *testing.T) {
	l := newLab(t)
	for _, user := range []string{alice, bob} {
		in, _ := arrival(user, firstCode)
		l.arrive(in, false)
	}
	if err := l.spend(Attempt{User: alice, Code: firstCode, Address: home}); err != nil {
		t.Fatal(err)
	}
	if err := l.spend(Attempt{User: bob, Code: firstCode, Address: home}); err != nil {
		t.Errorf("bob: %v", err)
	}
	if string(l.record(alice).Spent.Digests) == string(l.record(bob).Spent.Digests) {
		t.Error("two users have the same digests")
	}
	moved := l.record(alice).Spent
	l.change(bob, func(_ store.Tx, u *store.User) { u.Spent = moved })
	_, err := l.openSpent(&store.User{Key: l.key(bob), Spent: moved})
	wantError(t, "alice's key in bob's record", err, keys.ErrOpen)
}

// TestAttack_I11_Rotation: used codes stay used when the master keys are rotated and the
// old one is removed.
func TestAttack_I11_Rotation(t *testing.T) {
	l := newLab(t)
	old, fresh := keys.Generate(), keys.Generate()
	l.ring = ringOf(t, old)
	in, _ := arrival(alice, firstCode, secondCode)
	l.arrive(in, false)
	if err := l.spend(Attempt{User: alice, Code: firstCode, Address: home}); err != nil {
		t.Fatal(err)
	}
	both := ringOf(t, fresh+old)
	u := l.record(alice)
	before, err := SealedWith(&u)
	if err != nil || len(before) != 2 || before[0] == both.Newest() || before[1] == both.Newest() {
		t.Fatalf("sealed with %v, %v", before, err)
	}
	l.change(alice, func(_ store.Tx, u *store.User) {
		if changed, err := Reseal(u, both); err != nil || !changed {
			t.Errorf("resealing: %v, %v", changed, err)
		}
	})
	u = l.record(alice)
	if after, err := SealedWith(&u); err != nil || len(after) != 2 || after[0] != both.Newest() || after[1] != both.Newest() {
		t.Fatalf("sealed with %v, %v", after, err)
	}
	if changed, err := Reseal(&u, both); err != nil || changed {
		t.Errorf("resealing again: %v, %v", changed, err)
	}
	l.ring = ringOf(t, fresh)
	l.replaced()
	if done := l.arrive(in, true); done.Spent != 1 {
		t.Errorf("%d codes left out, want 1", done.Spent)
	}
	wantError(t, "the used code", l.spend(Attempt{User: alice, Code: firstCode, Address: home}), ErrWrongCode)
	if err := l.spend(Attempt{User: alice, Code: secondCode, Address: home}); err != nil {
		t.Errorf("the unused code: %v", err)
	}
}

func ringOf(t *testing.T, text string) *keys.Ring {
	t.Helper()
	ring, err := keys.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// TestAttack_I11_KeyIsGone: where the key of the digests opens no more, nothing is
// imported or accepted; after a reset by staff the user goes on, with codes of their own.
func TestAttack_I11_KeyIsGone(t *testing.T) {
	l := newLab(t)
	in, _ := arrival(alice, firstCode, secondCode)
	l.arrive(in, false)
	if err := l.spend(Attempt{User: alice, Code: firstCode, Address: home}); err != nil {
		t.Fatal(err)
	}
	l.ring = ringOf(t, keys.Generate())
	_, err := l.Import(t.Context(), in, true, store.Event{Staff: "maija"})
	wantError(t, "import", err, keys.ErrOpen)
	wantError(t, "an unused code", l.spend(Attempt{User: alice, Code: secondCode, Address: home}), keys.ErrOpen)
	if _, err := l.Reset(t.Context(), alice, nil); err != nil {
		t.Fatal(err)
	}
	if done := l.arrive(in, true); done.Spent != 2 {
		t.Errorf("%d codes left out, want both", done.Spent)
	}
	l.replaced()
	codes, err := l.Regenerate(t.Context(), Attempt{User: alice, Code: l.code(l.enrolmentOf(alice), 0), Address: home})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.spend(Attempt{User: alice, Code: codes[0], Address: home}); err != nil {
		t.Errorf("a new code: %v", err)
	}
}

// enrolmentOf is what makes the codes of a user's present authenticator.
func (l *lab) enrolmentOf(user string) Enrolment {
	l.t.Helper()
	u := l.record(user)
	in, err := l.Open(&u)
	if err != nil {
		l.t.Fatal(err)
	}
	return Enrolment{Secret: in.Secret, Algorithm: in.Algorithm, Digits: in.Digits, Period: in.Period}
}

// TestAttack_I11_TooMany: the record of used codes is bounded. A user who exceeds the bound can
// still use new codes, but no import brings codes for that user.
func TestAttack_I11_TooMany(t *testing.T) {
	l := newLab(t)
	in, _ := arrival(alice, firstCode, secondCode)
	l.arrive(in, false)
	if err := l.spend(Attempt{User: alice, Code: firstCode, Address: home}); err != nil {
		t.Fatal(err)
	}
	l.change(alice, func(_ store.Tx, u *store.User) {
		u.Spent.Digests = append(u.Spent.Digests, make([]byte, (maxSpent-2)*digestBytes)...)
	})
	if err := l.spend(Attempt{User: alice, Code: secondCode, Address: home}); err != nil {
		t.Fatal(err)
	}
	if spent := l.record(alice).Spent; len(spent.Digests) != maxSpent*digestBytes || !spent.Closed {
		t.Errorf("%d bytes of digests, closed %v", len(spent.Digests), spent.Closed)
	}
	l.replaced()
	if done := l.arrive(in, true); done.Spent != 2 {
		t.Errorf("%d codes left out, want both", done.Spent)
	}
	wantError(t, "a code that was used when the record was full", l.spend(Attempt{User: alice, Code: secondCode, Address: home}), ErrWrongCode)
}

// TestAttack_I11_Restore: a restore of a backup keeps what the backup knows as used, and
// an import after it revives nothing that may have been used since. Codes of the backup
// count where the operator keeps them.
func TestAttack_I11_Restore(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("keep %v", keep), func(t *testing.T) {
			l := newLab(t)
			in, _ := arrival(alice, firstCode, secondCode)
			l.arrive(in, false)
			if err := l.spend(Attempt{User: alice, Code: firstCode, Address: home}); err != nil {
				t.Fatal(err)
			}
			l.restore(keep)
			l.replaced()
			left := 2
			if keep {
				left = 1
			}
			if done := l.arrive(in, true); done.Spent != left {
				t.Errorf("%d codes left out, want %d", done.Spent, left)
			}
			wantError(t, "the used code", l.spend(Attempt{User: alice, Code: firstCode, Address: home}), ErrWrongCode)
			if err := l.spend(Attempt{User: alice, Code: secondCode, Address: home}); (err == nil) != keep {
				t.Errorf("the code that the backup has as unused: %v", err)
			}
		})
	}
}

// restore replaces the lab's store by one that is restored from a backup of it.
func (l *lab) restore(keepBackupCodes bool) {
	l.t.Helper()
	var all []store.Raw
	err := l.store.Snapshot(l.t.Context(), func(s store.Snapshot) error {
		return s.Each(func(r store.Raw) error {
			all = append(all, store.Raw{Key: bytes.Clone(r.Key), Value: bytes.Clone(r.Value), Expires: r.Expires})
			return nil
		})
	})
	if err != nil {
		l.t.Fatal(err)
	}
	st := records.Open(memory.New(), records.Options{Clock: l.clock.Now})
	l.t.Cleanup(func() { st.Close() })
	next := func() (r store.Raw, err error) {
		if len(all) == 0 {
			return r, io.EOF
		}
		r, all = all[0], all[1:]
		return r, nil
	}
	_, err = st.Load(l.t.Context(), next, func(u *store.User) { Restored(u, l.clock.Now(), keepBackupCodes) })
	if err != nil {
		l.t.Fatal(err)
	}
	l.store = st
}
