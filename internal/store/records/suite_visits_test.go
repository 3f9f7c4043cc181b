package records_test

import (
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

const hour = time.Hour

func (s *suite) visits(key store.UserKey) []store.Visit {
	s.Helper()
	v := call(s.store.Visits(s.ctx, key)).ok(s)
	return v
}

func (s *suite) noVisit(id store.VisitID) {
	s.Helper()
	call(s.store.Visit(s.ctx, realm, id)).fails(s, store.ErrNotFound)
}

// endVisits runs Tx.EndVisits and returns what it removed, in order.
func (s *suite) endVisits(key store.UserKey, except ...store.VisitID) (ended []store.VisitID) {
	s.Helper()
	s.update(key, func(tx store.Tx) (err error) {
		ended, err = tx.EndVisits(except...)
		return err
	})
	slices.SortFunc(ended, func(a, b store.VisitID) int { return slices.Compare(a[:], b[:]) })
	return ended
}

var bob = store.UserKey{Realm: realm, ID: "bob"}

var visitTests = []test{
	{"visit: keeps every field", func(s *suite) {
		s.putVisits(alice, visit(alice, 1))
		v := call(s.store.Visit(s.ctx, realm, visitID(1))).ok(s)
		s.equal(v, visit(alice, 1))
		s.update(alice, func(tx store.Tx) error {
			s.equal(call(tx.Visit(visitID(1))).ok(s), visit(alice, 1))
			call(tx.Visit(visitID(2))).fails(s, store.ErrNotFound)
			return nil
		})
		s.noVisit(visitID(2))
		call(s.store.Visit(s.ctx, "other", visitID(1))).fails(s, store.ErrNotFound)
	}},
	{"visit: ends by the store's clock, at Expires", func(s *suite) {
		s.putVisits(alice, visit(alice, 0))
		s.setClock(start.Add(hour - time.Microsecond))
		s.equal(len(s.visits(alice)), 1)
		s.setClock(start.Add(hour))
		s.noVisit(visitID(0))
		s.equal(len(s.visits(alice)), 0)
		s.update(alice, func(tx store.Tx) error {
			call(tx.Visit(visitID(0))).fails(s, store.ErrNotFound)
			return nil
		})
		s.equal(len(s.endVisits(alice)), 0)
	}},
	{"visit: a dead token too", func(s *suite) {
		s.putVisits(alice, store.Visit{Realm: realm, ID: visitID(9), At: start, Expires: start.Add(hour)})
		s.setClock(start.Add(hour - time.Microsecond))
		call(s.store.Visit(s.ctx, realm, visitID(9))).ok(s)
		s.setClock(start.Add(hour))
		s.noVisit(visitID(9))
	}},
	{"visit: one without an end, or of another realm or user, is refused", func(s *suite) {
		endless, abroad := visit(alice, 1), visit(alice, 2)
		endless.Expires = time.Time{}
		abroad.Realm = "other"
		for _, v := range []store.Visit{endless, abroad, visit(bob, 3)} {
			err := s.store.Update(s.ctx, alice, func(tx store.Tx) error {
				tx.PutVisit(v)
				return nil
			})
			if err == nil {
				s.Fatalf("%+v was written", v)
			}
		}
		s.equal(len(s.visits(alice))+len(s.visits(bob)), 0)
	}},
	{"visits: a user's clearances, newest first, no dead tokens", func(s *suite) {
		dead := store.Visit{Realm: realm, ID: visitID(9), SessionEnded: true, At: start, Expires: start.Add(hour)}
		s.putVisits(alice, visit(alice, 2), dead, visit(alice, 3), visit(alice, 1))
		s.putVisits(bob, visit(bob, 4))
		s.equal(s.visits(alice), []store.Visit{visit(alice, 3), visit(alice, 2), visit(alice, 1)})
		s.equal(s.visits(bob), []store.Visit{visit(bob, 4)})
		v := call(s.store.Visit(s.ctx, realm, visitID(9))).ok(s)
		s.equal(v, dead)
		if !v.Revoked() {
			s.Fatal("the dead token came back alive")
		}
	}},
	{"visits: replaced, dead, deleted, another's", func(s *suite) {
		s.putVisits(alice, visit(alice, 1), visit(alice, 2), visit(alice, 3), visit(alice, 4))
		again := visit(alice, 1)
		again.Factor = "backup"
		s.putVisits(alice, again, store.Visit{Realm: realm, ID: visitID(2), At: start, Expires: start.Add(hour)})
		s.update(alice, func(tx store.Tx) error { return tx.DeleteVisit(visitID(3)) })
		s.update(alice, func(tx store.Tx) error { return tx.DeleteVisit(visitID(77)) })
		s.putVisits(bob, visit(bob, 4))
		s.equal(s.visits(alice), []store.Visit{again})
		s.equal(s.visits(bob), []store.Visit{visit(bob, 4)})
		s.equal(s.endVisits(alice), []store.VisitID{visitID(1)})
		s.equal(s.visits(bob), []store.Visit{visit(bob, 4)})
		call(s.store.Visit(s.ctx, realm, visitID(2))).ok(s)
	}},
	{"end visits: all but those named, and tells which", func(s *suite) {
		s.putVisits(alice, visit(alice, 1), visit(alice, 2), visit(alice, 3))
		s.putVisits(bob, visit(bob, 4))
		s.equal(s.endVisits(alice, visitID(2), visitID(4)), []store.VisitID{visitID(1), visitID(3)})
		s.noVisit(visitID(1))
		s.equal(s.visits(alice), []store.Visit{visit(alice, 2)})
		s.equal(len(s.visits(bob)), 1)
		s.equal(s.endVisits(alice), []store.VisitID{visitID(2)})
		s.equal(len(s.endVisits(alice)), 0)
	}},
	{"end visits: sees what the same transaction gave", func(s *suite) {
		s.putVisits(alice, visit(alice, 1))
		s.update(alice, func(tx store.Tx) error {
			s.ok(tx.PutVisit(visit(alice, 2)))
			s.ok(tx.PutVisit(visit(alice, 3)))
			ended, err := tx.EndVisits(visitID(3))
			s.equal(len(ended), 2)
			return err
		})
		s.equal(s.visits(alice), []store.Visit{visit(alice, 3)})
	}},
	{"end visits: however many there are", func(s *suite) {
		const n = 3000
		for from := 0; from < n; from += 500 {
			var some []store.Visit
			for i := range 500 {
				some = append(some, visit(alice, from+i))
			}
			s.putVisits(alice, some...)
		}
		s.equal(len(s.visits(alice)), n)
		s.equal(len(s.endVisits(alice, visitID(n-1))), n-1)
		s.equal(len(s.visits(alice)), 1)
		for i := range n - 1 {
			s.noVisit(visitID(i))
		}
	}},
	{"touch: only forward, skipping what is gone, in any number", touch},
}

func touch(s *suite) {
	const n = 700
	seen := map[store.VisitID]time.Time{visitID(n + 1): start.Add(hour)}
	var some []store.Visit
	for i := range n {
		v := visit(alice, i)
		v.Expires = start.Add(24 * hour)
		some = append(some, v)
		seen[v.ID] = start.Add(2 * hour)
	}
	s.putVisits(alice, some...)
	seen[visitID(5)] = start.Add(-hour)
	s.ok(s.store.Touch(s.ctx, realm, seen))
	s.ok(s.store.Touch(s.ctx, realm, nil))
	s.noVisit(visitID(n + 1))
	for _, v := range s.visits(alice) {
		want := start.Add(2 * hour)
		if v.ID == visitID(5) {
			want = v.At
		}
		s.equal(v.LastSeen, want)
	}
	s.equal(len(s.endVisits(alice, visitID(5))), n-1)
	s.ok(s.store.Touch(s.ctx, realm, map[store.VisitID]time.Time{visitID(1): start.Add(3 * hour)}))
	s.noVisit(visitID(1))
	s.equal(len(s.visits(alice)), 1)
}
