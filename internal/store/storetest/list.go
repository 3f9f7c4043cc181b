package storetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/store"
)

// list follows the pages of a query to the end.
func (s *suite) list(q store.UserQuery) []store.User {
	s.Helper()
	if q.Realm == "" && q.Limit == 0 {
		q.Realm, q.Limit = realm, 1000
	}
	var users []store.User
	for range 10_000 {
		page, err := s.store.Users(s.ctx, q)
		s.ok(err)
		if len(page.Users) > q.Limit {
			s.Fatalf("a page of %d, asked for %d", len(page.Users), q.Limit)
		}
		users = append(users, page.Users...)
		if page.Next == "" {
			return users
		}
		q.After = page.Next
	}
	s.Fatal("the pages never end")
	return nil
}

// names lists the ids found by a query in the usual realm.
func (s *suite) names(q store.UserQuery) []string {
	s.Helper()
	q.Realm, q.Limit = realm, max(q.Limit, 3)
	var ids []string
	for _, u := range s.list(q) {
		ids = append(ids, u.Key.ID)
	}
	return ids
}

func (s *suite) putNamed(id, name string, activated bool) {
	s.Helper()
	u := store.User{Key: store.UserKey{Realm: realm, ID: id}, Name: name}
	if activated {
		u.TOTP = &store.TOTP{ID: "t"}
	}
	s.put(u)
}

var listTests = []test{
	{"list: counted by status and realm, as they change", func(s *suite) {
		for i := range 5 {
			s.putNamed(fmt.Sprint("user", i), "Same Name", i < 2)
		}
		other := store.User{Key: store.UserKey{Realm: realm + "x", ID: "elsewhere"}}
		s.put(other)
		s.putNamed("user0", "Another Name", false)
		n, err := s.store.CountUsers(s.ctx, realm)
		s.ok(err)
		if want := (store.UserCount{Activated: 1, NotActivated: 4}); n != want {
			s.Errorf("counted %+v, want %+v", n, want)
		}
		if n, err := s.store.CountUsers(s.ctx, "nobody's"); err != nil || n != (store.UserCount{}) {
			s.Errorf("an empty realm: %+v, %v", n, err)
		}
	}},
	{"list: by name, ignoring case, then id", func(s *suite) {
		s.putNamed("4", "Äiti", false)
		s.putNamed("3", "bob", true)
		s.putNamed("2", "Bob", false)
		s.putNamed("5", "", false)
		s.putNamed("1", "alice", true)
		s.putNamed("6", "BOBBY", true)
		s.putNamed("10", "bob", true)
		s.equal(s.names(store.UserQuery{}), []string{"5", "1", "10", "2", "3", "6", "4"})
	}},
	{"list: by status, following changes", func(s *suite) {
		s.putNamed("1", "a", false)
		s.putNamed("2", "b", true)
		s.equal(s.names(store.UserQuery{Status: store.Activated}), []string{"2"})
		s.equal(s.names(store.UserQuery{Status: store.NotActivated}), []string{"1"})
		s.putNamed("1", "z", true)
		s.putNamed("2", "b", false)
		s.equal(s.names(store.UserQuery{Status: store.Activated}), []string{"1"})
		s.equal(s.names(store.UserQuery{Status: store.NotActivated}), []string{"2"})
		s.equal(s.names(store.UserQuery{}), []string{"2", "1"})
	}},
	{"list: a prefix finds names, and then ids, ignoring case, each user once", func(s *suite) {
		s.putNamed("bo17", "Zoe", false)
		s.putNamed("BOB", "Bob", true)
		s.putNamed("x1", "boris", false)
		s.putNamed("x2", "Äbo", false)
		s.putNamed("bob2", "Bo", true)
		s.equal(s.names(store.UserQuery{Prefix: "Bo"}), []string{"bob2", "BOB", "x1", "bo17"})
		s.equal(s.names(store.UserQuery{Prefix: "bob"}), []string{"BOB", "bob2"})
		s.equal(s.names(store.UserQuery{Prefix: "äB"}), []string{"x2"})
		s.equal(s.names(store.UserQuery{Prefix: "bo", Status: store.NotActivated}), []string{"x1", "bo17"})
		s.equal(s.names(store.UserQuery{Prefix: "bo\x00"}), []string(nil))
		s.equal(s.names(store.UserQuery{Prefix: "q"}), []string(nil))
	}},
	{"list: long names that differ far behind", func(s *suite) {
		long := strings.Repeat("ab", 3000)
		s.putNamed("1", long+"1", false)
		s.putNamed("2", long+"2", true)
		both := s.names(store.UserQuery{Prefix: long}) // in any order: engines may sort by the beginning
		slices.Sort(both)
		s.equal(both, []string{"1", "2"})
		s.equal(s.names(store.UserQuery{Prefix: strings.ToUpper(long) + "2"}), []string{"2"})
	}},
	{"list: gives whole records", func(s *suite) {
		s.put(fullUser(alice))
		s.equal(s.list(store.UserQuery{}), []store.User{fullUser(alice)})
	}},
	{"list: a realm of its own", func(s *suite) {
		s.putNamed("1", "a", false)
		s.equal(len(s.list(store.UserQuery{Realm: "sho", Limit: 10})), 0)
		s.equal(len(s.list(store.UserQuery{Realm: "shop2", Limit: 10})), 0)
	}},
	{"list: refuses limits and cursors that are none", func(s *suite) {
		for _, q := range []store.UserQuery{
			{Realm: realm}, {Realm: realm, Limit: -1}, {Realm: realm, Limit: 1001},
			{Realm: realm, Limit: 1, After: "no cursor!"},
		} {
			if _, err := s.store.Users(s.ctx, q); err == nil {
				s.Fatalf("%+v was answered", q)
			}
		}
	}},
	{"list: going on where the last of the page was deleted", func(s *suite) {
		for _, id := range []string{"1", "2", "3", "4"} {
			s.putNamed(id, "n"+id, false)
		}
		q := store.UserQuery{Realm: realm, Limit: 2}
		page, err := s.store.Users(s.ctx, q)
		s.ok(err)
		s.update(page.Users[1].Key, func(tx store.Tx) error { return tx.DeleteUser() })
		q.After = page.Next
		page, err = s.store.Users(s.ctx, q)
		s.ok(err)
		s.equal(len(page.Users), 2)
		s.equal(page.Users[0].Key.ID, "3")
		s.equal(page.Next, "")
	}},
	{"list: thousands in pages, every filter", manyUsers},
}

// manyUsers compares pages of several sizes with what a plain filter finds.
func manyUsers(s *suite) {
	const n = 2500
	all := make([]store.User, n)
	for i := range all {
		// Names and ids share prefixes, and some names repeat.
		all[i] = store.User{
			Key:  store.UserKey{Realm: realm, ID: fmt.Sprintf("Cust%d", i*7919%n)},
			Name: fmt.Sprintf("%s %d", []string{"Customer", "cusp", "Matti", ""}[i%4], i/8),
		}
		if i%3 == 0 {
			all[i].TOTP = &store.TOTP{ID: "t"}
		}
	}
	s.each(25, func(w int) error {
		for i := w; i < n; i += 25 {
			u := all[i]
			if err := s.store.Update(context.WithoutCancel(s.ctx), u.Key, func(tx store.Tx) error { return tx.PutUser(u) }); err != nil {
				return err
			}
		}
		return nil
	})
	for _, q := range []store.UserQuery{
		{Limit: 1000}, {Limit: 7, Status: store.Activated}, {Limit: 100, Status: store.NotActivated},
		{Limit: 5, Prefix: "cus"}, {Limit: 33, Prefix: "CUST1", Status: store.Activated}, {Limit: 3, Prefix: "matti 2"},
		{Limit: 1, Prefix: "cust24"},
	} {
		q.Realm = realm
		var got, want []string
		for _, u := range s.list(q) {
			got = append(got, u.Key.ID)
		}
		for _, u := range expected(all, q) {
			want = append(want, u.Key.ID)
		}
		s.equal(got, want)
	}
}

// expected filters and sorts as Users promises to.
func expected(all []store.User, q store.UserQuery) []store.User {
	prefix := strings.ToLower(q.Prefix)
	byName := func(u store.User) bool { return strings.HasPrefix(strings.ToLower(u.Name), prefix) }
	var found []store.User
	for _, u := range all {
		status := q.Status == store.AnyStatus || (q.Status == store.Activated) == u.Activated()
		if status && (byName(u) || strings.HasPrefix(strings.ToLower(u.Key.ID), prefix)) {
			found = append(found, u)
		}
	}
	slices.SortFunc(found, func(a, b store.User) int {
		switch {
		case byName(a) && byName(b):
			return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Key.ID, b.Key.ID))
		case byName(a):
			return -1
		case byName(b):
			return 1
		}
		return cmp.Compare(strings.ToLower(a.Key.ID), strings.ToLower(b.Key.ID))
	})
	return found
}
