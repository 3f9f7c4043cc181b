package records_test

import (
	"fmt"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// contenders is how many try at once.
const contenders = 100

var parallelTests = []test{
	{"parallel: a hundred increments are a hundred", func(s *suite) {
		s.put(fullUser(alice))
		won := s.each(contenders, func(int) error {
			return s.store.Update(s.ctx, alice, func(tx store.Tx) error {
				u, err := tx.User()
				if err != nil {
					return err
				}
				u.TOTP.Floor++
				return tx.PutUser(u)
			})
		})
		s.equal(won, contenders)
		s.equal(s.user(alice).TOTP.Floor, fullUser(alice).TOTP.Floor+contenders)
	}},
	{"parallel: of a hundred that spend the same, one wins, with what it buys", func(s *suite) {
		won := s.each(contenders, func(i int) error {
			return s.store.Update(s.ctx, alice, func(tx store.Tx) error {
				if err := tx.Spend("step 1", start.Add(hour)); err != nil {
					return err
				}
				return tx.PutVisit(visit(alice, i))
			})
		}, store.ErrSpent)
		s.equal(won, 1)
		s.equal(len(s.visits(alice)), 1)
	}},
	{"parallel: writes without a read leave one record and one entry", func(s *suite) {
		s.each(contenders, func(i int) error {
			u := store.User{Key: alice, Name: fmt.Sprint("name ", i)}
			if i%2 == 0 {
				u.TOTP = &store.TOTP{ID: "t"}
			}
			return s.store.Update(s.ctx, alice, func(tx store.Tx) error { return tx.PutUser(u) })
		})
		u := s.user(alice)
		s.equal(s.list(store.UserQuery{}), []store.User{u})
		s.equal(s.names(store.UserQuery{Prefix: u.Name}), []string{alice.ID})
	}},
	{"parallel: ending all clearances misses none that is being given", func(s *suite) {
		// The later request sees the record of the first one: a clearance
		// is given only while the user has a factor, and removed with it.
		for round := range 10 {
			s.put(fullUser(alice))
			s.each(20, func(i int) error {
				return s.store.Update(s.ctx, alice, func(tx store.Tx) error {
					if i == 10 {
						if _, err := tx.EndVisits(); err != nil {
							return err
						}
						return tx.PutUser(store.User{Key: alice})
					}
					if u, err := tx.User(); err != nil || !u.Activated() {
						return err
					}
					return tx.PutVisit(visit(alice, round*20+i))
				})
			})
			s.equal(len(s.visits(alice)), 0)
		}
	}},
	{"parallel: touching and ending the same visits", func(s *suite) {
		for i := range 20 {
			s.putVisits(alice, visit(alice, i))
		}
		s.each(20, func(i int) error {
			if i%2 == 0 {
				return s.store.Touch(s.ctx, realm, map[store.VisitID]time.Time{visitID(i): start.Add(hour / 2), visitID(i + 1): start.Add(hour / 2)})
			}
			return s.store.Update(s.ctx, alice, func(tx store.Tx) error { return tx.DeleteVisit(visitID(i)) })
		})
		s.equal(len(s.visits(alice)), 10)
		for _, v := range s.visits(alice) {
			s.equal(v.LastSeen, start.Add(hour/2))
		}
	}},
	{"parallel: two users about one visit", func(s *suite) {
		s.each(40, func(i int) error {
			key := []store.UserKey{alice, bob}[i%2]
			return s.store.Update(s.ctx, key, func(tx store.Tx) error { return tx.PutVisit(visit(key, 1)) })
		})
		v := call(s.store.Visit(s.ctx, realm, visitID(1))).ok(s)
		s.equal(len(s.visits(alice))+len(s.visits(bob)), 1)
		s.equal(len(s.visits(store.UserKey{Realm: realm, ID: v.User})), 1)
	}},
	{"parallel: increments of a record about the store", func(s *suite) {
		s.each(20, func(int) error {
			return s.store.UpdateMeta(s.ctx, "count", func(old []byte) ([]byte, error) {
				return append(old, 'x'), nil
			})
		})
		got := call(s.store.Meta(s.ctx, "count")).ok(s)
		s.equal(len(got), 20)
	}},
}
