package badger

import (
	"context"
	"errors"
	"testing"
	"time"

	engine "github.com/dgraph-io/badger/v4"

	"github.com/secondgate/secondgate/internal/store"
)

// entries counts what is stored under a kind of keys.
func entries(t *testing.T, d *DB, kind byte) (n int) {
	t.Helper()
	err := d.db.View(func(txn *engine.Txn) error {
		it := txn.NewIterator(engine.IteratorOptions{Prefix: []byte{kind}})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestNothingIsLeftBehind: listings would pass over old index entries, so that only
// the disk would tell.
func TestNothingIsLeftBehind(t *testing.T) {
	d := open(t, t.TempDir(), Options{})
	for _, name := range []string{"", "x", "alice", "Alice B.", "y"} {
		u := sampleUser(alice)
		u.Name, u.Email, u.EnabledAt = name, name, u.EnabledAt.Add(time.Duration(len(name))*time.Second)
		for range 2 {
			if err := d.Update(t.Context(), alice, func(tx store.Tx) error { return tx.PutUser(u) }); err != nil {
				t.Fatal(err)
			}
			u.TOTP = nil
		}
		if n := entries(t, d, kindByName); n != 1 {
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
		if n := entries(t, d, kind); n != 0 {
			t.Errorf("%d records of kind %c", n, kind)
		}
	}
}

// TestSweep: what expires is given to Badger to sweep, some time later, whatever
// the store's clock says the date is.
func TestSweep(t *testing.T) {
	clock := time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	d := open(t, t.TempDir(), Options{Clock: func() time.Time { return clock }})
	v := sampleVisit(alice, 1)
	v.Expires = clock.Add(time.Hour)
	err := d.Update(t.Context(), alice, func(tx store.Tx) error {
		return errors.Join(tx.PutVisit(v), tx.Spend("1", clock.Add(time.Hour)))
	})
	if err != nil {
		t.Fatal(err)
	}
	want := time.Now().Add(time.Hour + keepOver)
	err = d.db.View(func(txn *engine.Txn) error {
		for _, key := range [][]byte{visitKey("shop", v.ID), clearancesKey(alice), spentKey(alice, "1")} {
			item, err := txn.Get(key)
			if err != nil {
				return err
			}
			if off := want.Sub(time.Unix(int64(item.ExpiresAt()), 0)).Abs(); off > time.Minute {
				t.Errorf("%q is swept %v off", key, off)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestConflict: a transaction that always loses ends, with ErrConflict or when its
// caller has gone, and writes nothing.
func TestConflict(t *testing.T) {
	d := open(t, t.TempDir(), Options{})
	read, written := []byte("xread"), []byte("xwritten")
	attempts := 0
	lose := func(txn *engine.Txn) error {
		attempts++
		if _, err := txn.Get(read); err != nil && !errors.Is(err, engine.ErrKeyNotFound) {
			return err
		}
		err := d.db.Update(func(other *engine.Txn) error { return other.Set(read, []byte("x")) })
		return errors.Join(err, txn.Set(written, nil))
	}
	if err := d.write(t.Context(), lose); !errors.Is(err, store.ErrConflict) || attempts != maxAttempts {
		t.Errorf("after %d attempts: %v", attempts, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	attempts = 0
	err := d.write(ctx, func(txn *engine.Txn) error {
		if attempts == 3 {
			cancel()
		}
		return lose(txn)
	})
	if !errors.Is(err, context.Canceled) || attempts > 4 {
		t.Errorf("after %d attempts: %v", attempts, err)
	}
	if n := entries(t, d, written[0]); n != 1 {
		t.Errorf("%d records, want only the one that the others wrote", n)
	}
}

// TestConflict_Visits: a visit that somebody else wrote meanwhile is a conflict for who
// writes or deletes it, even without having looked at it.
func TestConflict_Visits(t *testing.T) {
	d := open(t, t.TempDir(), Options{})
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
			other := func(txn *engine.Txn) error { return txn.Set(key, encodeVisit(key, &v)) }
			return errors.Join(change(tx), d.db.Update(other))
		})
		if err != nil || runs != 2 {
			t.Errorf("%s: ran %d times, %v", name, runs, err)
		}
	}
}

// TestWaitingEnds: whoever waits for another change of the same user can leave.
func TestWaitingEnds(t *testing.T) {
	d := open(t, t.TempDir(), Options{})
	next, err := d.line.wait(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	defer next()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err = d.Update(ctx, alice, func(store.Tx) error { t.Error("ran out of turn"); return nil })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
}

// TestTooLarge: a record beyond bounds is refused, whole, and not shown in the error.
func TestTooLarge(t *testing.T) {
	d := open(t, t.TempDir(), Options{})
	for _, size := range []int{maxRecord + 1, 10 << 20} {
		u := sampleUser(alice)
		u.TOTP.Secret = make([]byte, size)
		err := d.Update(t.Context(), alice, func(tx store.Tx) error { tx.PutUser(u); return nil })
		if !errors.Is(err, errTooLarge) || len(err.Error()) > 200 {
			t.Errorf("error is %.300v", err)
		}
	}
	if _, err := d.User(t.Context(), alice); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("error is %v", err)
	}
	// Records that Badger keeps in its value log come back too.
	u := sampleUser(alice)
	u.TOTP.Secret = make([]byte, maxRecord/2)
	if err := d.Update(t.Context(), alice, func(tx store.Tx) error { return tx.PutUser(u) }); err != nil {
		t.Fatal(err)
	}
	if got, err := d.User(t.Context(), alice); err != nil || len(got.TOTP.Secret) != maxRecord/2 {
		t.Errorf("%d bytes, %v", len(got.TOTP.Secret), err)
	}
}
