package records_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
		page := call(s.store.Users(s.ctx, q)).ok(s)
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
		n := call(s.store.CountUsers(s.ctx, realm)).ok(s)
		if want := (store.UserCount{Activated: 1, NotActivated: 4}); n != want {
			s.Errorf("counted %+v, want %+v", n, want)
		}
		if n, err := s.store.CountUsers(s.ctx, "nobody's"); err != nil || n != (store.UserCount{}) {
			s.Errorf("an empty realm: %+v, %v", n, err)
		}
	}},
	{"list: the realms that have users, in order", func(s *suite) {
		all := call(s.store.Realms(s.ctx)).ok(s)
		s.equal(all, []string(nil))
		for _, name := range []string{"shop", "a\x00b", "a", "blog"} {
			for i := range 3 {
				u := store.User{Key: store.UserKey{Realm: name, ID: fmt.Sprint(i)}, Name: "\xff\xff"}
				if i > 0 {
					u.TOTP = &store.TOTP{ID: "t"}
				}
				s.put(u)
			}
		}
		all = call(s.store.Realms(s.ctx)).ok(s)
		s.equal(all, []string{"a", "a\x00b", "blog", "shop"})
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
	{"list: e-mail addresses are found last, ignoring case", func(s *suite) {
		for _, u := range []store.User{
			{Key: store.UserKey{Realm: realm, ID: "1"}, Name: "Zoe", Email: "Matti@Example.org"},
			{Key: store.UserKey{Realm: realm, ID: "matti"}, Name: "Yrjö", Email: "y@example.org"},
			{Key: store.UserKey{Realm: realm, ID: "3"}, Name: "Matti", Email: "matti.x@example.org"},
		} {
			s.put(u)
		}
		s.equal(s.names(store.UserQuery{Prefix: "MATTI"}), []string{"3", "matti", "1"})
		s.equal(s.names(store.UserQuery{Prefix: "matti", Sort: store.ByID}), []string{"matti", "3", "1"})
		s.equal(s.names(store.UserQuery{Prefix: "matti@example.org"}), []string{"1"})
	}},
	{"list: in every order and direction, following changes", func(s *suite) {
		at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
		on := func(id, name string, enabled, used int) store.User {
			return store.User{Key: store.UserKey{Realm: realm, ID: id}, Name: name, EnabledAt: at(enabled),
				TOTP: &store.TOTP{ID: "t", UsedAt: at(used)}}
		}
		s.put(on("B", "x", 3, 30))
		s.put(on("a", "y", 1, 50))
		s.put(on("c", "w", 2, 40))
		s.putNamed("d", "v", false)
		s.putNamed("e", "u", false)
		s.equal(s.names(store.UserQuery{Descending: true}), []string{"a", "B", "c", "d", "e"})
		s.equal(s.names(store.UserQuery{Sort: store.ByID}), []string{"a", "B", "c", "d", "e"})
		s.equal(s.names(store.UserQuery{Sort: store.ByID, Descending: true}), []string{"e", "d", "c", "B", "a"})
		s.equal(s.names(store.UserQuery{Sort: store.ByEnabled}), []string{"a", "c", "B", "e", "d"})
		s.equal(s.names(store.UserQuery{Sort: store.ByEnabled, Descending: true}), []string{"B", "c", "a", "e", "d"})
		s.equal(s.names(store.UserQuery{Sort: store.ByUsed}), []string{"B", "c", "a", "e", "d"})
		s.equal(s.names(store.UserQuery{Sort: store.ByUsed, Status: store.NotActivated}), []string{"e", "d"})
		used := on("c", "w", 2, 40)
		used.Backup = &store.BackupSet{UsedAt: at(60)}
		s.put(used)
		s.equal(s.names(store.UserQuery{Sort: store.ByUsed, Descending: true, Status: store.Activated}), []string{"c", "a", "B"})
	}},
	{"list: the throttled, in every order", func(s *suite) {
		for i, id := range []string{"a", "b", "c", "d"} {
			u := fullUser(store.UserKey{Realm: realm, ID: id})
			u.Name, u.TOTP.UsedAt, u.Backup = "n", start.Add(-time.Duration(i)*time.Hour), nil
			switch id {
			case "b":
				u.Failures = map[string]store.Failures{"totp": {Count: 2}} // no wait yet
			case "d":
				u.TOTP = nil
			}
			s.put(u)
		}
		for _, sort := range []store.Sort{store.ByName, store.ByID, store.ByEnabled} {
			s.equal(s.names(store.UserQuery{Status: store.Throttled, Sort: sort}), []string{"a", "c"})
		}
		s.equal(s.names(store.UserQuery{Status: store.Throttled, Sort: store.ByUsed}), []string{"c", "a"})
		s.equal(s.names(store.UserQuery{Status: store.Throttled, Prefix: "c"}), []string{"c"})
		s.equal(s.names(store.UserQuery{}), []string{"a", "b", "c", "d"})
		u := s.user(store.UserKey{Realm: realm, ID: "a"})
		u.Failures = nil
		s.put(u)
		s.equal(s.names(store.UserQuery{Status: store.Throttled}), []string{"c"})
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
			{Realm: realm, Limit: 1, Prefix: "a", Sort: store.ByUsed},
			{Realm: realm, Limit: 1, Prefix: "a", Sort: store.ByEnabled},
		} {
			if _, err := s.store.Users(s.ctx, q); err == nil {
				s.Fatalf("%+v was answered", q)
			}
		}
		call(s.store.Users(s.ctx, store.UserQuery{Realm: realm, Limit: 1, After: "no cursor!"})).fails(s, store.ErrCursor)
	}},
	{"list: going on where the last of the page was deleted", func(s *suite) {
		for _, id := range []string{"1", "2", "3", "4"} {
			s.putNamed(id, "n"+id, false)
		}
		q := store.UserQuery{Realm: realm, Limit: 2}
		page := call(s.store.Users(s.ctx, q)).ok(s)
		s.update(page.Users[1].Key, func(tx store.Tx) error { return tx.DeleteUser() })
		q.After = page.Next
		page = call(s.store.Users(s.ctx, q)).ok(s)
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
		// Names and ids share prefixes, and some names and times repeat.
		all[i] = store.User{
			Key:   store.UserKey{Realm: realm, ID: fmt.Sprintf("Cust%d", i*7919%n)},
			Name:  fmt.Sprintf("%s %d", []string{"Customer", "cusp", "Matti", ""}[i%4], i/8),
			Email: []string{"", fmt.Sprintf("Cust%d@example.org", i), fmt.Sprintf("matti%d@example.org", i)}[i%3],
		}
		if i%3 == 0 {
			all[i].TOTP = &store.TOTP{ID: "t", UsedAt: start.Add(time.Duration(i*31%n) * time.Second)}
			all[i].EnabledAt = start.Add(-time.Duration(i/9) * time.Hour)
		}
		if i%15 == 0 {
			all[i].Failures = map[string]store.Failures{"totp": {Count: 7, Until: start}}
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
		{Limit: 1, Prefix: "cust24"}, {Limit: 9, Prefix: "cust2", Descending: true},
		{Limit: 33, Descending: true}, {Limit: 7, Status: store.Throttled}, {Limit: 40, Status: store.NotActivated, Descending: true},
		{Limit: 33, Sort: store.ByID}, {Limit: 50, Sort: store.ByID, Descending: true, Status: store.Activated},
		{Limit: 8, Sort: store.ByID, Prefix: "Cust12"}, {Limit: 8, Sort: store.ByID, Prefix: "matti2", Descending: true},
		{Limit: 41, Sort: store.ByEnabled}, {Limit: 41, Sort: store.ByEnabled, Descending: true},
		{Limit: 100, Sort: store.ByUsed}, {Limit: 7, Sort: store.ByUsed, Descending: true, Status: store.Throttled},
	} {
		q.Realm = realm
		var got, want []string
		for _, u := range s.list(q) {
			got = append(got, u.Key.ID)
		}
		for _, u := range expected(all, q) {
			want = append(want, u.Key.ID)
		}
		if !slices.Equal(got, want) {
			s.Errorf("%+v", q)
		}
		s.equal(got, want)
	}
}

// expected filters and sorts as Users promises to.
func expected(all []store.User, q store.UserQuery) []store.User {
	name := func(u store.User) string { return strings.ToLower(u.Name) }
	id := func(u store.User) string { return strings.ToLower(u.Key.ID) }
	email := func(u store.User) string { return strings.ToLower(u.Email) }
	terms := []func(store.User) string{name, id, email}
	if q.Sort == store.ByID {
		terms = []func(store.User) string{id, name, email}
	}
	// by is the first term that finds a user.
	by := func(u store.User) int {
		return slices.IndexFunc(terms, func(term func(store.User) string) bool {
			return strings.HasPrefix(term(u), strings.ToLower(q.Prefix))
		})
	}
	var found []store.User
	for _, u := range all {
		if matches(u, q.Status) && by(u) >= 0 {
			found = append(found, u)
		}
	}
	slices.SortFunc(found, func(a, b store.User) int {
		if q.Sort == store.ByEnabled || q.Sort == store.ByUsed {
			return compareTimes(a, b, q)
		}
		if by(a) != by(b) {
			return by(a) - by(b)
		}
		term := terms[by(a)]
		return turned(q, cmp.Or(cmp.Compare(term(a), term(b)), cmp.Compare(a.Key.ID, b.Key.ID)))
	})
	return found
}

func matches(u store.User, s store.Status) bool {
	switch s {
	case store.Activated:
		return u.Activated()
	case store.NotActivated:
		return !u.Activated()
	case store.Throttled:
		return u.Throttled()
	}
	return true
}

func compareTimes(a, b store.User, q store.UserQuery) int {
	at := func(u store.User) time.Time {
		if q.Sort == store.ByEnabled {
			return u.EnabledAt
		}
		return u.UsedAt()
	}
	switch {
	case a.Activated() && b.Activated():
		return turned(q, cmp.Or(at(a).Compare(at(b)), cmp.Compare(a.Key.ID, b.Key.ID)))
	case a.Activated():
		return -1
	case b.Activated():
		return 1
	}
	return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.Key.ID, b.Key.ID))
}

func turned(q store.UserQuery, order int) int {
	if q.Descending {
		return -order
	}
	return order
}
