package records_test

import (
	"errors"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

func (s *suite) spend(key store.UserKey, name string, until time.Time) error {
	return s.store.Update(s.ctx, key, func(tx store.Tx) error { return tx.Spend(name, until) })
}

var spendTests = []test{
	{"spend: once for each user and name", func(s *suite) {
		s.ok(s.spend(alice, "step 1", start.Add(hour)))
		s.fails(s.spend(alice, "step 1", start.Add(hour)), store.ErrSpent)
		s.ok(s.spend(alice, "step 2", start.Add(hour)))
		s.ok(s.spend(bob, "step 1", start.Add(hour)))
		s.ok(s.spend(store.UserKey{Realm: "other", ID: alice.ID}, "step 1", start.Add(hour)))
	}},
	{"spend: twice in one transaction", func(s *suite) {
		err := s.store.Update(s.ctx, alice, func(tx store.Tx) error {
			s.ok(tx.Spend("step 1", start.Add(hour)))
			return tx.Spend("step 1", start.Add(hour))
		})
		s.fails(err, store.ErrSpent)
		s.ok(s.spend(alice, "step 1", start.Add(hour)))
	}},
	{"spend: until then, by the store's clock", func(s *suite) {
		s.ok(s.spend(alice, "step 1", start.Add(hour)))
		s.setClock(start.Add(hour - time.Microsecond))
		s.fails(s.spend(alice, "step 1", start.Add(2*hour)), store.ErrSpent)
		s.setClock(start.Add(hour))
		s.ok(s.spend(alice, "step 1", start.Add(2*hour)))
		s.fails(s.spend(alice, "step 1", start.Add(2*hour)), store.ErrSpent)
	}},
	{"spend: a clock that goes back revives nothing", func(s *suite) {
		s.ok(s.spend(alice, "step 1", start.Add(hour)))
		s.setClock(start.Add(-48 * hour))
		s.fails(s.spend(alice, "step 1", start.Add(hour)), store.ErrSpent)
	}},
	{"spend: until a time that is past is refused", func(s *suite) {
		if err := s.spend(alice, "step 1", start); err == nil || errors.Is(err, store.ErrSpent) {
			s.Fatalf("error is %v", err)
		}
		s.ok(s.spend(alice, "step 1", start.Add(hour)))
	}},
	{"spend: what it buys comes with it or not at all", func(s *suite) {
		buy := func(n int) error {
			return s.store.Update(s.ctx, alice, func(tx store.Tx) error {
				if err := tx.PutVisit(visit(alice, n)); err != nil {
					return err
				}
				return tx.Spend("step 1", start.Add(hour))
			})
		}
		s.ok(buy(1))
		s.fails(buy(2), store.ErrSpent)
		s.equal(s.visits(alice), []store.Visit{visit(alice, 1)})
	}},
}
