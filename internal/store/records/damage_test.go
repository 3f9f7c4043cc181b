package records

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
	"github.com/secondgate/secondgate/internal/store/memory"
)

var (
	now   = time.Now().UTC().Truncate(time.Microsecond)
	alice = store.UserKey{Realm: "shop", ID: "alice"}
	bob   = store.UserKey{Realm: "shop", ID: "bob"}
)

func sampleUser(key store.UserKey) store.User {
	u := store.User{
		Key: key, Name: "Name of " + key.ID, FirstSeen: now, EnabledAt: now,
		TOTP:   &store.TOTP{ID: "0123456789abcdef", Secret: bytes.Repeat([]byte{7}, 52), Algorithm: "SHA1", Digits: 6, Period: 30, Floor: 58e6, AddedAt: now},
		Backup: &store.BackupSet{Salt: make([]byte, 16), Total: 10, AddedAt: now},
	}
	for i := range 6 {
		u.Backup.Hashes = append(u.Backup.Hashes, bytes.Repeat([]byte{byte(i)}, 32))
	}
	return u
}

func sampleVisit(key store.UserKey, n byte) store.Visit {
	return store.Visit{
		Realm: key.Realm, ID: store.VisitID{n}, User: key.ID, Factor: "totp", At: now, LastSeen: now, Expires: now.Add(time.Hour),
		Address: "192.0.2.7", Agent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Binds: []uint64{1, 2},
	}
}

func fill(t testing.TB, d *DB, keys ...store.UserKey) {
	t.Helper()
	for i, key := range keys {
		err := d.Update(t.Context(), key, func(tx store.Tx) error {
			return errors.Join(tx.PutUser(sampleUser(key)), tx.PutVisit(sampleVisit(key, byte(i+1))), tx.Spend("1", now.Add(time.Hour)))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// damage replaces what is stored under key by a function of it.
func damage(t *testing.T, d *DB, key []byte, how func(record []byte) []byte) {
	t.Helper()
	err := d.engine.Update(t.Context(), "", func(w kv.Tx) error {
		record, err := w.Get(key)
		w.Set(kv.Record{Key: key, Value: how(record)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamagedUser: any damage to a record is told, named, and costs only that one.
func TestDamagedUser(t *testing.T) {
	swap := func(d *DB) func([]byte) []byte {
		return func([]byte) []byte {
			u := sampleUser(bob)
			return userForm.encode(userKey(bob), &u)
		}
	}
	for name, how := range map[string]func(d *DB) func([]byte) []byte{
		"empty":         func(*DB) func([]byte) []byte { return func([]byte) []byte { return nil } },
		"cut":           func(*DB) func([]byte) []byte { return func(r []byte) []byte { return r[:len(r)/2] } },
		"bit flipped":   func(*DB) func([]byte) []byte { return func(r []byte) []byte { r[40] ^= 4; return r } },
		"bob's instead": swap,
		"newer": func(*DB) func([]byte) []byte {
			return func([]byte) []byte {
				return (&encoder{[]byte{recordVersion + 1, 0}}).seal(userKey(alice))
			}
		},
		"one field more": func(*DB) func([]byte) []byte {
			return func(r []byte) []byte { return (&encoder{append(r[:len(r)-4], 0)}).seal(userKey(alice)) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, logs := logged()
			d := open(t, memory.New(), o)
			fill(t, d, alice, bob)
			damage(t, d, userKey(alice), how(d))
			_, err := d.User(t.Context(), alice)
			if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), `"alice"`) || strings.Contains(err.Error(), "Name of") {
				t.Errorf("error is %v", err)
			}
			err = d.Update(t.Context(), alice, func(tx store.Tx) error { return tx.PutUser(store.User{Key: alice}) })
			if !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("a damaged record was replaced: %v", err)
			}
			if u, err := d.User(t.Context(), bob); err != nil || u.Name != "Name of bob" {
				t.Errorf("bob suffered: %v", err)
			}
			page, err := d.Users(t.Context(), store.UserQuery{Realm: "shop", Limit: 10})
			if err != nil || len(page.Users) != 1 || page.Users[0].Key != bob {
				t.Errorf("listed %+v, %v", page, err)
			}
			if logs.FilterMessage("a user can't be listed").Len() != 1 {
				t.Error("not logged")
			}
			deleteAndStartAnew(t, d)
		})
	}
}

// deleteAndStartAnew is what staff do: the old index entries must not show.
func deleteAndStartAnew(t *testing.T, d *DB) {
	t.Helper()
	for _, fn := range []func(tx store.Tx) error{
		func(tx store.Tx) error { return tx.DeleteUser() },
		func(tx store.Tx) error { return tx.PutUser(store.User{Key: alice, Name: "Anew"}) },
	} {
		if err := d.Update(t.Context(), alice, fn); err != nil {
			t.Fatal(err)
		}
	}
	page, err := d.Users(t.Context(), store.UserQuery{Realm: "shop", Limit: 10})
	if err != nil || len(page.Users) != 2 || page.Users[0].Name != "Anew" {
		t.Errorf("listed %+v, %v", page, err)
	}
}

// TestDamagedVisits: a clearance that can't be read does not count, and can be granted again.
func TestDamagedVisits(t *testing.T) {
	d := open(t, memory.New(), Options{})
	fill(t, d, alice, bob)
	cut := func(r []byte) []byte { return r[:len(r)-1] }
	for _, key := range [][]byte{visitKey("shop", store.VisitID{1}), clearancesKey(alice)} {
		damage(t, d, key, cut)
		if _, err := d.Visit(t.Context(), "shop", store.VisitID{1}); !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("error is %v", err)
		}
		err := d.Touch(t.Context(), "shop", map[store.VisitID]time.Time{{1}: now.Add(time.Minute), {2}: now.Add(time.Minute)})
		if string(key) == string(clearancesKey(alice)) != (err == nil) {
			t.Errorf("touching: %v", err)
		}
		if v, err := d.Visit(t.Context(), "shop", store.VisitID{2}); err != nil || v.LastSeen != now.Add(time.Minute) {
			t.Errorf("bob suffered: %+v, %v", v, err)
		}
		var ended []store.VisitID
		err = d.Update(t.Context(), alice, func(tx store.Tx) (err error) { ended, err = tx.EndVisits(); return err })
		if err != nil {
			t.Errorf("ending: %v", err)
		}
		if _, err := d.Visit(t.Context(), "shop", store.VisitID{1}); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("after ending %v: %v", ended, err)
		}
		err = d.Update(t.Context(), alice, func(tx store.Tx) error { return tx.PutVisit(sampleVisit(alice, 1)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	// One that turns up under another's key is not taken for that one.
	damage(t, d, visitKey("shop", store.VisitID{1}), func([]byte) []byte {
		v := sampleVisit(alice, 2)
		return visitForm.encode(visitKey("shop", v.ID), &v)
	})
	if _, err := d.Visit(t.Context(), "shop", store.VisitID{1}); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("another's record: %v", err)
	}
}

// TestDamagedSpent: what can't be read may have been spent.
func TestDamagedSpent(t *testing.T) {
	d := open(t, memory.New(), Options{})
	fill(t, d, alice)
	damage(t, d, spentKey(alice, "1"), func(r []byte) []byte { return r[1:] })
	err := d.Update(t.Context(), alice, func(tx store.Tx) error { return tx.Spend("1", now.Add(time.Hour)) })
	if !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("error is %v", err)
	}
}
