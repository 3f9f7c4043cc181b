package records

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
	"github.com/secondgate/secondgate/internal/store/memory"
)

// records counts what is stored under a kind of keys.
func records(t *testing.T, d *DB, kind byte) (n int) {
	t.Helper()
	err := d.engine.View(t.Context(), func(r kv.Reader) (err error) {
		n, err = count(r, keysOf(kind), 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestNothingIsLeftBehind: listings would pass over old index entries, so that only
// the disk would tell.
func TestNothingIsLeftBehind(t *testing.T) {
	d := open(t, memory.New(), Options{})
	for _, name := range []string{"", "x", "alice", "Alice B.", "y"} {
		u := sampleUser(alice)
		u.Name, u.Email, u.EnabledAt = name, name, u.EnabledAt.Add(time.Duration(len(name))*time.Second)
		for range 2 {
			if err := d.Update(t.Context(), alice, func(tx store.Tx) error { return tx.PutUser(u) }); err != nil {
				t.Fatal(err)
			}
			u.TOTP = nil
		}
		if n := records(t, d, kindByName); n != 1 {
			t.Errorf("%q: %d entries by name", name, n)
		}
	}
	err := d.Update(t.Context(), alice, func(tx store.Tx) error {
		_, err := tx.EndVisits()
		return errors.Join(err, tx.PutVisit(sampleVisit(alice, 1)), tx.DeleteUser())
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Update(t.Context(), alice, func(tx store.Tx) error { _, err := tx.EndVisits(); return err }); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []byte{kindUser, kindByName, kindByID, kindByEmail, kindByEnabled, kindByUsed, kindVisit, kindClearances} {
		if n := records(t, d, kind); n != 0 {
			t.Errorf("%d records of kind %c", n, kind)
		}
	}
}

// TestSweep: what expires is given to the engine to sweep, some time later, whatever
// the store's clock says the date is.
func TestSweep(t *testing.T) {
	clock := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	d := open(t, memory.New(), Options{Clock: func() time.Time { return clock }})
	v := sampleVisit(alice, 1)
	v.Expires = clock.Add(time.Hour)
	err := d.Update(t.Context(), alice, func(tx store.Tx) error {
		return errors.Join(tx.PutVisit(v), tx.Spend("1", clock.Add(time.Hour)))
	})
	if err != nil {
		t.Fatal(err)
	}
	want := time.Now().Add(time.Hour + keepOver)
	err = d.Snapshot(t.Context(), func(s store.Snapshot) error {
		swept := 0
		err := s.Each(func(r store.Raw) error {
			if strings.ContainsRune("vcs", rune(r.Key[0])) {
				swept++
				if off := want.Sub(r.Expires).Abs(); off > time.Minute {
					t.Errorf("%q is swept %v off", r.Key, off)
				}
			}
			return nil
		})
		if swept != 3 {
			t.Errorf("%d records, want 3", swept)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestConflict_Visits: a transaction that writes or deletes a visit conflicts with one that
// wrote it in the meantime, even if it did not read the visit.
func TestConflict_Visits(t *testing.T) {
	d := open(t, memory.New(), Options{})
	v := sampleVisit(alice, 1)
	key := visitKey(v.Realm, v.ID)
	for name, change := range map[string]func(tx store.Tx) error{
		"put":    func(tx store.Tx) error { return tx.PutVisit(v) },
		"delete": func(tx store.Tx) error { return tx.DeleteVisit(v.ID) },
	} {
		runs := 0
		err := d.Update(t.Context(), alice, func(tx store.Tx) error {
			if runs++; runs > 1 {
				return change(tx)
			}
			other := func(w kv.Tx) error {
				w.Set(kv.Record{Key: key, Value: visitForm.encode(key, &v)})
				return nil
			}
			return errors.Join(change(tx), d.engine.Update(t.Context(), "", other))
		})
		if err != nil || runs != 2 {
			t.Errorf("%s: ran %d times, %v", name, runs, err)
		}
	}
}

// TestTooLarge: a record beyond bounds is refused, whole, and not shown in the error.
func TestTooLarge(t *testing.T) {
	d := open(t, memory.New(), Options{})
	for _, size := range []int{kv.MaxValue + 1, 10 << 20} {
		u := sampleUser(alice)
		u.TOTP.Secret = make([]byte, size)
		err := d.Update(t.Context(), alice, func(tx store.Tx) error { tx.PutUser(u); return nil })
		if !errors.Is(err, kv.ErrTooLarge) || len(err.Error()) > 200 {
			t.Errorf("error is %.300v", err)
		}
	}
	if _, err := d.User(t.Context(), alice); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("error is %v", err)
	}
	// One within bounds comes back.
	u := sampleUser(alice)
	u.TOTP.Secret = make([]byte, kv.MaxValue/2)
	if err := d.Update(t.Context(), alice, func(tx store.Tx) error { return tx.PutUser(u) }); err != nil {
		t.Fatal(err)
	}
	if got, err := d.User(t.Context(), alice); err != nil || len(got.TOTP.Secret) != kv.MaxValue/2 {
		t.Errorf("%d bytes, %v", len(got.TOTP.Secret), err)
	}
}

// lostAnswer is an engine of which the connection breaks while it commits: what was written is
// there, and it does not know.
type lostAnswer struct {
	kv.Engine
	lose bool
}

func (e *lostAnswer) Update(ctx context.Context, subject string, fn func(tx kv.Tx) error) error {
	err := e.Engine.Update(ctx, subject, fn)
	if err == nil && e.lose {
		return fmt.Errorf("%w: connection lost", kv.ErrUnknown)
	}
	return err
}

// TestUnknown: a commit without an answer is reported as unknown, the function is not run again,
// and what may have been spent is spent.
func TestUnknown(t *testing.T) {
	e := &lostAnswer{Engine: memory.New()}
	d := open(t, e, Options{})
	e.lose = true
	runs := 0
	spend := func(tx store.Tx) error { runs++; return tx.Spend("step 1", now.Add(time.Hour)) }
	if err := d.Update(t.Context(), alice, spend); !errors.Is(err, store.ErrUnknown) || runs != 1 {
		t.Errorf("after %d runs: %v", runs, err)
	}
	e.lose = false
	if err := d.Update(t.Context(), alice, spend); !errors.Is(err, store.ErrSpent) {
		t.Errorf("spending again: %v", err)
	}
}

// TestAppendTwice: an entry of the chain that another process has appended is never replaced.
func TestAppendTwice(t *testing.T) {
	d := open(t, memory.New(), Options{})
	runs := 0
	append := func(w kv.Tx) error {
		runs++
		return d.append(w, store.Entry{}, []store.Entry{{Seq: 1, Raw: []byte("{}")}})
	}
	if err := d.engine.Update(t.Context(), "", append); err != nil {
		t.Fatal(err)
	}
	if err := d.engine.Update(t.Context(), "", append); !errors.Is(err, store.ErrConflict) || runs < 3 {
		t.Errorf("after %d runs: %v", runs, err)
	}
}
