package records

import (
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
)

// TestRules_AllKinds: every kind of record has a rule for what a restore does with it.
func TestRules_AllKinds(t *testing.T) {
	source, err := os.ReadFile("keys.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`(?m)^\s+(kind\w+)\s+= '(.)'`).FindAllStringSubmatch(string(source), -1)
	if len(kinds) < 16 {
		t.Fatalf("only %d kinds found in keys.go", len(kinds))
	}
	for _, k := range kinds {
		if rules[k[2][0]] == refuse {
			t.Errorf("no rule for %s: say in load.go what a restore does with it", k[1])
		}
	}
	if len(rules) != len(kinds) {
		t.Errorf("%d rules for %d kinds", len(rules), len(kinds))
	}
}

// dump is everything in a store.
func dump(t *testing.T, d *DB) (all []store.Raw) {
	t.Helper()
	err := d.Snapshot(t.Context(), func(s store.Snapshot) error {
		return s.Each(func(r store.Raw) error {
			all = append(all, store.Raw{Key: append([]byte{}, r.Key...), Value: append([]byte{}, r.Value...), Expires: r.Expires})
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// replay gives these records one after another.
func replay(all []store.Raw) func() (store.Raw, error) {
	return func() (store.Raw, error) {
		if len(all) == 0 {
			return store.Raw{}, io.EOF
		}
		r := all[0]
		all = all[1:]
		return r, nil
	}
}

// restore loads records into an empty engine and opens the store.
func restore(t *testing.T, all []store.Raw, amend func(*store.User)) (*DB, store.Loaded, error) {
	t.Helper()
	d := open(t, memory.New(), Options{})
	done, err := d.Load(t.Context(), replay(all), amend)
	return d, done, err
}

// TestLoad: users come back amended and listed, dead tokens and spent codes as they
// were, and clearances, mails and codes by e-mail not at all.
func TestLoad(t *testing.T) {
	d := open(t, memory.New(), Options{})
	later := time.Now().Add(time.Hour)
	live := store.Visit{Realm: alice.Realm, ID: store.VisitID{1}, User: alice.ID, At: time.Now(), Expires: later}
	dead := store.Visit{Realm: alice.Realm, ID: store.VisitID{2}, At: time.Now(), Expires: later}
	mail := store.Mail{ID: "m", Realm: alice.Realm, User: alice.ID, To: "a@example.test", Kind: "enrolled", Due: later, Ends: later}
	err := d.Update(t.Context(), alice, func(tx store.Tx) error {
		u := sampleUser(alice)
		return errors.Join(tx.PutUser(u), tx.PutVisit(live), tx.PutVisit(dead), tx.Spend("code", later),
			tx.QueueMail(mail), tx.PutMailCode(store.MailCode{Mail: "m"}, later),
			tx.Record(store.Event{At: time.Now(), Kind: store.EventEnrolled, Realm: alice.Realm, User: alice.ID}))
	})
	if err != nil {
		t.Fatal(err)
	}
	r, done, err := restore(t, dump(t, d), func(u *store.User) { u.Name = "Amended" })
	if err != nil || done != (store.Loaded{Users: 1, Ended: 1}) {
		t.Fatalf("%+v, %v", done, err)
	}
	page, err := r.Users(t.Context(), store.UserQuery{Realm: alice.Realm, Prefix: "amended", Limit: 10})
	if err != nil || len(page.Users) != 1 || page.Users[0].TOTP == nil {
		t.Errorf("listed: %+v, %v", page, err)
	}
	if _, err := r.Visit(t.Context(), alice.Realm, live.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the clearance: %v", err)
	}
	if v, err := r.Visit(t.Context(), alice.Realm, dead.ID); err != nil || !v.Revoked() {
		t.Errorf("the dead token: %+v, %v", v, err)
	}
	if n, err := r.CountMails(t.Context()); n != 0 || err != nil {
		t.Errorf("%d mails, %v", n, err)
	}
	err = r.Update(t.Context(), alice, func(tx store.Tx) error {
		if _, err := tx.MailCode(); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the code by e-mail: %v", err)
		}
		return tx.Spend("code", later)
	})
	if !errors.Is(err, store.ErrSpent) {
		t.Errorf("what was spent: %v", err)
	}
	n, err := r.Settle(t.Context(), 10, func(store.Entry, [][]byte) (store.Settled, error) { return store.Settled{}, nil })
	if n != 1 || err != nil {
		t.Errorf("%d pending events, %v", n, err)
	}
}

// TestLoad_Refuses: what is not known, or newer, is no half of a store.
func TestLoad_Refuses(t *testing.T) {
	key := userKey(alice)
	u := sampleUser(alice)
	newer := userForm.encode(key, &u)
	newer[0] = 99
	newer = (&encoder{newer[:len(newer)-4]}).seal(key)
	tests := map[string]struct {
		record store.Raw
		want   string
	}{
		"no key":       {store.Raw{Value: []byte("x")}, "without a key"},
		"unknown kind": {store.Raw{Key: []byte("~x")}, "does not know"},
		"newer user":   {store.Raw{Key: key, Value: newer}, "newer version"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := restore(t, []store.Raw{tt.record}, func(*store.User) {})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q in it", err, tt.want)
			}
		})
	}
}

// TestLoad_DamagedUser: a user who can't be read stays refused, and is not one without
// a second factor.
func TestLoad_DamagedUser(t *testing.T) {
	key := userKey(alice)
	u := sampleUser(alice)
	record := userForm.encode(key, &u)
	record[20] ^= 1
	d, done, err := restore(t, []store.Raw{{Key: key, Value: record}}, func(*store.User) {})
	if err != nil || done.Damaged != 1 || done.Users != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := d.User(t.Context(), alice); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("error is %v", err)
	}
}
