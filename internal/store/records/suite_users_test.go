package records_test

import (
	"errors"
	"strings"

	"github.com/secondgate/secondgate/internal/store"
)

var errStop = errors.New("stop here")

var userTests = []test{
	{"user: keeps every field", func(s *suite) {
		want := fullUser(alice)
		s.put(want)
		s.equal(s.user(alice), want)
	}},
	{"user: keeps a zero record as it is", func(s *suite) {
		s.put(store.User{Key: alice})
		s.equal(s.user(alice), store.User{Key: alice})
	}},
	{"user: a stranger is not found", func(s *suite) {
		call(s.store.User(s.ctx, alice)).fails(s, store.ErrNotFound)
		s.update(alice, func(tx store.Tx) error {
			call(tx.User()).fails(s, store.ErrNotFound)
			return nil
		})
	}},
	{"user: a transaction reads what it wrote, others do not", func(s *suite) {
		s.update(alice, func(tx store.Tx) error {
			s.ok(tx.PutUser(store.User{Key: alice, Name: "new"}))
			u := call(tx.User()).ok(s)
			s.equal(u.Name, "new")
			call(s.store.User(s.ctx, alice)).fails(s, store.ErrNotFound)
			return nil
		})
		s.equal(s.user(alice).Name, "new")
	}},
	{"user: a record given out is a copy", func(s *suite) {
		u := fullUser(alice)
		s.put(u)
		u.TOTP.Secret[0] = 'X'
		u.Spent.Digests[0] = 'X'
		got := s.user(alice)
		got.Backup.Hashes[0][0] = 'X'
		got.Failures["totp"] = store.Failures{}
		s.equal(s.user(alice), fullUser(alice))
	}},
	{"user: an error aborts, is returned as it is, and nothing is written", func(s *suite) {
		s.put(store.User{Key: alice, Name: "old"})
		s.putVisits(alice, visit(alice, 1))
		err := s.store.Update(s.ctx, alice, func(tx store.Tx) error {
			s.ok(tx.PutUser(fullUser(alice)))
			s.ok(tx.PutVisit(visit(alice, 2)))
			s.ok(tx.DeleteVisit(visitID(1)))
			s.ok(tx.Spend("step 1", start.Add(hour)))
			return errStop
		})
		if err != errStop {
			s.Fatalf("error is %v, want the function's own", err)
		}
		s.equal(s.user(alice), store.User{Key: alice, Name: "old"})
		s.equal(s.visits(alice), []store.Visit{visit(alice, 1)})
		s.ok(s.spend(alice, "step 1", start.Add(hour)))
		s.equal(s.names(store.UserQuery{Status: store.Activated}), []string(nil))
	}},
	{"user: a panic of the function writes nothing and blocks nobody", func(s *suite) {
		func() {
			defer func() {
				if recover() == nil {
					s.Fatal("the panic was swallowed")
				}
			}()
			s.store.Update(s.ctx, alice, func(tx store.Tx) error {
				s.ok(tx.PutUser(fullUser(alice)))
				panic("oops")
			})
		}()
		call(s.store.User(s.ctx, alice)).fails(s, store.ErrNotFound)
		s.put(fullUser(alice))
	}},
	{"user: another's record is refused, even if the function overlooks it", func(s *suite) {
		err := s.store.Update(s.ctx, alice, func(tx store.Tx) error {
			tx.PutUser(store.User{Key: alice})
			tx.PutUser(store.User{Key: store.UserKey{Realm: realm, ID: "bob"}})
			return nil
		})
		if err == nil {
			s.Fatal("a transaction about alice wrote bob")
		}
		call(s.store.User(s.ctx, alice)).fails(s, store.ErrNotFound)
	}},
	{"user: deleting removes record and index, not visits or spent codes", func(s *suite) {
		s.put(fullUser(alice))
		s.putVisits(alice, visit(alice, 1))
		s.ok(s.spend(alice, "step 1", start.Add(hour)))
		s.update(alice, func(tx store.Tx) error { return tx.DeleteUser() })
		call(s.store.User(s.ctx, alice)).fails(s, store.ErrNotFound)
		s.equal(s.names(store.UserQuery{}), []string(nil))
		s.equal(len(s.visits(alice)), 1)
		s.fails(s.spend(alice, "step 1", start.Add(hour)), store.ErrSpent)
		s.update(alice, func(tx store.Tx) error { return tx.DeleteUser() })
	}},
	{"keys: odd realms and ids never meet", func(s *suite) { oddKeys(s) }},
}

// oddKeys writes users, visits and spent codes with names that would collide in an
// engine that joins or cuts them carelessly.
func oddKeys(s *suite) {
	long := strings.Repeat("x", 10_000)
	keys := []store.UserKey{
		{Realm: "a", ID: "b\x00c"}, {Realm: "a\x00b", ID: "c"}, {Realm: "a", ID: "b"}, {Realm: "ab", ID: "\x00"},
		{Realm: "", ID: "ab"}, {Realm: "a\x00", ID: "b"}, {Realm: "a", ID: "\x00b"}, {Realm: "a", ID: "b\x00\x01"},
		{Realm: "a", ID: "b\x00\x01c"}, {Realm: "a", ID: "b\x00\xff"}, {Realm: "a\x00\x01b", ID: "\x01"},
		{Realm: "a", ID: "B"}, {Realm: "a", ID: "\xff"}, {Realm: "a", ID: "\xfe"}, {Realm: "a", ID: "x\r\ny: z"},
		{Realm: "a", ID: long}, {Realm: "a", ID: long + "y"}, {Realm: "a", ID: long + "z"}, {Realm: long, ID: long},
		{Realm: "!badger!", ID: "x"}, {Realm: "a/b", ID: "c"}, {Realm: "a", ID: "/b/c"},
	}
	for i, key := range keys {
		u := fullUser(key)
		u.Name = "name of " + key.ID
		v := visit(key, i)
		v.ID = visitID(0) // the same in every realm; the last of a realm holds it
		s.update(key, func(tx store.Tx) error {
			return errors.Join(tx.PutUser(u), tx.PutVisit(v), tx.Spend("one", start.Add(hour)))
		})
	}
	perRealm, last := map[string]int{}, map[string]store.UserKey{}
	for _, key := range keys {
		u := s.user(key)
		s.equal(u.Key, key)
		s.equal(u.Name, "name of "+key.ID)
		s.fails(s.spend(key, "one", start.Add(hour)), store.ErrSpent)
		perRealm[key.Realm]++
		last[key.Realm] = key
	}
	for name, n := range perRealm {
		s.equal(len(s.list(store.UserQuery{Realm: name, Limit: 3})), n)
		v := call(s.store.Visit(s.ctx, name, visitID(0))).ok(s)
		s.equal(v.User, last[name].ID)
		s.equal(len(s.visits(last[name])), 1)
	}
	odd := strings.Repeat("n", 9_000)
	s.ok(s.spend(keys[0], odd+"1", start.Add(hour)))
	s.ok(s.spend(keys[0], odd+"2", start.Add(hour)))
	s.fails(s.spend(keys[0], odd+"1", start.Add(hour)), store.ErrSpent)
}
