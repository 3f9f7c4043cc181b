package records

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
	"github.com/secondgate/secondgate/internal/store/memory"
)

func indexUser(i int) store.UserKey {
	return store.UserKey{Realm: "shop", ID: fmt.Sprintf("customer-%07d", i)}
}

// writeVersion1 writes users as the version before the indexes of ids and times did:
// the old form of the record, an entry by name, and one by id only where the name does
// not begin with it. Every second one has a factor.
func writeVersion1(t *testing.T, d *DB, n int) {
	t.Helper()
	var all []kv.Record
	for i := range n {
		u := sampleUser(indexUser(i))
		u.Name, u.EnabledAt = fmt.Sprintf("%s, %04d", u.Key.ID[:3+i%10], i), now.Add(-time.Duration(i)*time.Second)
		key := userKey(u.Key)
		e := newEncoder(512)
		e.str(u.Key.Realm)
		e.str(u.Key.ID)
		e.str(u.Name)
		e.time(u.FirstSeen)
		e.time(u.EnabledAt)
		e.bool(i%2 == 1)
		if u.TOTP.ID = fmt.Sprint(i); i%2 == 1 {
			e.totp(u.TOTP)
		} else {
			u.TOTP = nil
		}
		e.bool(false)
		e.int(0)
		u.Backup, u.Failures = nil, nil
		status := statusesOf(&u)[0]
		all = append(all, kv.Record{Key: key, Value: e.seal(key)}, kv.Record{Key: indexEntry(kindByName, status, &u)})
		if !strings.HasPrefix(term(kindByName, &u), term(kindByID, &u)) {
			all = append(all, kv.Record{Key: indexEntry(kindByID, status, &u)})
		}
	}
	err := d.engine.Load(t.Context(), func(put func(kv.Record) error) (err error) {
		for _, r := range all {
			err = errors.Join(err, put(r))
		}
		return err
	})
	unmarked := d.engine.Update(t.Context(), "", func(w kv.Tx) error { w.Delete(keyOf(kindMeta, indexRecord)); return nil })
	if err = errors.Join(err, unmarked); err != nil {
		t.Fatal(err)
	}
}

func listIDs(t *testing.T, d *DB, q store.UserQuery) (ids []string) {
	t.Helper()
	for q.Realm, q.Limit = "shop", 1000; ; {
		page, err := d.Users(t.Context(), q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		for _, u := range page.Users {
			ids = append(ids, u.Key.ID)
		}
		if q.After = page.Next; q.After == "" {
			return ids
		}
	}
}

// wantIndexed compares the listings with what was written.
func wantIndexed(t *testing.T, d *DB, n int) {
	t.Helper()
	if ids := listIDs(t, d, store.UserQuery{Sort: store.ByID}); len(ids) != n || !slices.IsSorted(ids) {
		t.Errorf("by id: %d users, want %d, sorted", len(ids), n)
	}
	ids := listIDs(t, d, store.UserQuery{Sort: store.ByEnabled, Status: store.Activated})
	if slices.Reverse(ids); len(ids) != n/2 || !slices.IsSorted(ids) {
		t.Errorf("by time: %d users, want %d, the newest first", len(ids), n/2)
	}
	if ids := listIDs(t, d, store.UserQuery{Sort: store.ByUsed}); len(ids) != n {
		t.Errorf("by use: %d users, want %d", len(ids), n)
	}
}

// TestSmallOldStore: a store of the version before has all its listings once it is open.
func TestSmallOldStore(t *testing.T) {
	engine := memory.New()
	d := open(t, engine, Options{})
	writeVersion1(t, d, 300)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, engine.Reopen(), Options{})
	wantIndexed(t, d, 300)
	if !d.indexed.Load() {
		t.Error("not marked as done")
	}
}

// TestLargeOldStore: a large one is indexed in the background, goes on after a stop where
// it was, meets changes meanwhile, and says until then what it has not.
func TestLargeOldStore(t *testing.T) {
	const n = indexAtOnce + 3000
	engine := memory.New()
	d := open(t, engine, Options{})
	writeVersion1(t, d, n)
	d.indexed.Store(false)
	if _, err := d.indexSome(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, q := range []store.UserQuery{{Sort: store.ByID}, {Sort: store.ByUsed}, {Status: store.Throttled}} {
		q.Realm, q.Limit = "shop", 10
		if _, err := d.Users(t.Context(), q); !errors.Is(err, store.ErrNotReady) {
			t.Errorf("%+v half-way: %v, want %v", q, err, store.ErrNotReady)
		}
	}
	if ids := listIDs(t, d, store.UserQuery{}); len(ids) != n {
		t.Errorf("by name, half-way: %d users, want %d", len(ids), n)
	}
	from := indexedUpTo(t, d)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, engine.Reopen(), Options{})
	// One is changed while it goes on; which of the two comes first is all the same.
	err := d.Update(t.Context(), indexUser(n-1), func(tx store.Tx) error {
		u, err := tx.User()
		if err != nil {
			return err
		}
		u.EnabledAt = now.Add(time.Hour)
		return tx.PutUser(u)
	})
	if err != nil {
		t.Fatal(err)
	}
	for !d.indexed.Load() {
		if to := indexedUpTo(t, d); to != "" && to < from {
			t.Fatal("it began anew after the store was opened again")
		}
		time.Sleep(time.Millisecond)
	}
	ids := listIDs(t, d, store.UserQuery{Sort: store.ByEnabled, Descending: true, Status: store.Activated})
	if len(ids) != n/2 || ids[0] != indexUser(n-1).ID {
		t.Errorf("%d users by time, the newest %s; want %d, %s", len(ids), ids[0], n/2, indexUser(n-1).ID)
	}
	if left := records(t, d, kindByEnabled); left != n/2 {
		t.Errorf("%d entries by time, want %d: one was left that a change removed", left, n/2)
	}
}

func indexedUpTo(t *testing.T, d *DB) (last string) {
	t.Helper()
	err := d.engine.View(t.Context(), func(r kv.Reader) error {
		from, _, err := indexState(r)
		last = string(from)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return last
}

// TestIndexingMeetsChange: of a user who changes while the index is built, no entry is
// written that the change has just removed.
func TestIndexingMeetsChange(t *testing.T) {
	d := open(t, memory.New(), Options{})
	writeVersion1(t, d, 2)
	runs := 0
	err := d.engine.Update(t.Context(), "", func(w kv.Tx) error {
		n, _, all, err := d.indexFrom(w, nil)
		if runs++; runs > 1 {
			return err
		}
		if n != 2 || !all || err != nil {
			t.Fatalf("%d users, all %v, %v", n, all, err)
		}
		return d.Update(t.Context(), indexUser(1), func(tx store.Tx) error {
			u, err := tx.User()
			u.TOTP, u.EnabledAt = nil, time.Time{}
			return errors.Join(err, tx.PutUser(u))
		})
	})
	if err != nil || runs != 2 {
		t.Errorf("the index of a user as before a change was written, in %d runs: %v", runs, err)
	}
	if n := records(t, d, kindByEnabled); n != 0 {
		t.Errorf("%d entries by time", n)
	}
}

// TestIndexMeetsDamage: the other users are listed although one user's record can't be read, or
// the record about the indexing can't.
func TestIndexMeetsDamage(t *testing.T) {
	engine := memory.New()
	d := open(t, engine, Options{})
	writeVersion1(t, d, 10)
	err := d.engine.Update(t.Context(), "", func(w kv.Tx) error {
		w.Set(kv.Record{Key: userKey(indexUser(4)), Value: []byte("damaged")})
		w.Set(kv.Record{Key: keyOf(kindMeta, indexRecord), Value: []byte("damaged")})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, engine.Reopen(), Options{})
	if ids := listIDs(t, d, store.UserQuery{Sort: store.ByID}); len(ids) != 9 {
		t.Errorf("%d users, want all but the damaged one", len(ids))
	}
}
