package records_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

var lifeTests = []test{
	{"meta: a function of the old one", func(s *suite) {
		call(s.store.Meta(s.ctx, "keys")).fails(s, store.ErrNotFound)
		for _, want := range []string{"a", "ab", ""} {
			s.ok(s.store.UpdateMeta(s.ctx, "keys", func([]byte) ([]byte, error) { return []byte(want), nil }))
			got := call(s.store.Meta(s.ctx, "keys")).ok(s)
			s.equal(string(got), want)
		}
		err := s.store.UpdateMeta(s.ctx, "other", func(old []byte) ([]byte, error) {
			s.equal(old, []byte(nil))
			return []byte("x"), errStop
		})
		s.fails(err, errStop)
		call(s.store.Meta(s.ctx, "other")).fails(s, store.ErrNotFound)
	}},
	{"check: a store that works", func(s *suite) { s.ok(s.store.Check(s.ctx)) }},
	{"context: nothing is begun or written when it has ended", func(s *suite) {
		ended, cancel := context.WithCancel(s.ctx)
		cancel()
		for name, err := range s.everything(ended) {
			if !errors.Is(err, context.Canceled) {
				s.Errorf("%s: error is %v", name, err)
			}
		}
		half, cancel := context.WithCancel(s.ctx)
		defer cancel()
		err := s.store.Update(half, alice, func(tx store.Tx) error {
			cancel()
			return tx.PutUser(store.User{Key: alice})
		})
		s.fails(err, context.Canceled)
		call(s.store.User(s.ctx, alice)).fails(s, store.ErrNotFound)
	}},
	{"closed: everything says so, and closing again is no error", func(s *suite) {
		s.ok(s.store.Close())
		for name, err := range s.everything(s.ctx) {
			if !errors.Is(err, store.ErrClosed) {
				s.Errorf("%s: error is %v", name, err)
			}
		}
		s.ok(s.store.Close())
	}},
	{"closing: waits for what runs, and what was reported done is there", closing},
	{"closing: an operation within an operation does not hang", func(s *suite) {
		var inner error
		begun, closed := make(chan struct{}), make(chan error, 1)
		go func() {
			<-begun
			closed <- s.store.Close()
		}()
		err := s.store.Update(s.ctx, alice, func(tx store.Tx) error {
			close(begun)
			for inner == nil { // until Close has begun
				_, inner = s.store.Visits(s.ctx, alice)
			}
			return tx.PutUser(store.User{Key: alice})
		})
		s.ok(err)
		s.fails(inner, store.ErrClosed)
		s.ok(<-closed)
	}},
	{"reopened: everything is there", func(s *suite) {
		s.put(fullUser(alice))
		dead := store.Visit{Realm: realm, ID: visitID(9), At: start, Expires: start.Add(hour)}
		s.putVisits(alice, visit(alice, 1), dead)
		s.ok(s.spend(alice, "step 1", start.Add(hour)))
		s.ok(s.store.UpdateMeta(s.ctx, "keys", func([]byte) ([]byte, error) { return []byte("k"), nil }))
		s.ok(s.store.Touch(s.ctx, realm, map[store.VisitID]time.Time{visitID(1): start.Add(time.Minute)}))
		for range 3 {
			s.reopen()
			s.equal(s.list(store.UserQuery{}), []store.User{fullUser(alice)})
			s.equal(s.user(alice), fullUser(alice))
			s.fails(s.spend(alice, "step 1", start.Add(hour)), store.ErrSpent)
			want := visit(alice, 1)
			want.LastSeen = start.Add(time.Minute)
			s.equal(s.visits(alice), []store.Visit{want})
			s.equal(call(s.store.Visit(s.ctx, realm, visitID(9))).ok(s), dead)
			s.equal(call(s.store.Meta(s.ctx, "keys")).ok(s), []byte("k"))
		}
		s.setClock(start.Add(2 * hour))
		s.noVisit(visitID(1))
		s.ok(s.spend(alice, "step 1", start.Add(3*hour)))
	}},
	{"reopened: what was ended and deleted stays so", func(s *suite) {
		s.put(fullUser(alice))
		s.putVisits(alice, visit(alice, 1))
		s.equal(len(s.endVisits(alice)), 1)
		s.update(alice, func(tx store.Tx) error { return tx.DeleteUser() })
		s.reopen()
		s.noVisit(visitID(1))
		s.equal(len(s.list(store.UserQuery{})), 0)
	}},
}

// everything calls every method and returns their errors.
func (s *suite) everything(ctx context.Context) map[string]error {
	_, user := s.store.User(ctx, alice)
	_, users := s.store.Users(ctx, store.UserQuery{Realm: realm, Limit: 1})
	_, visit := s.store.Visit(ctx, realm, visitID(1))
	_, visits := s.store.Visits(ctx, alice)
	_, meta := s.store.Meta(ctx, "x")
	_, days := s.store.Days(ctx, "")
	return map[string]error{
		"User": user, "Users": users, "Visit": visit, "Visits": visits, "Meta": meta,
		"Update": s.store.Update(ctx, alice, func(tx store.Tx) error { return tx.PutUser(store.User{Key: alice}) }),
		"Touch":  s.store.Touch(ctx, realm, map[store.VisitID]time.Time{visitID(1): start}),
		"UpdateMeta": s.store.UpdateMeta(ctx, "x", func([]byte) ([]byte, error) {
			return []byte("y"), nil
		}),
		"Check": s.store.Check(ctx), "Days": days,
		"UpdateDay": s.store.UpdateDay(ctx, realm, "2031-04-05", func(d store.Day) (store.Day, error) { return d, nil }),
	}
}

// closing closes the store under load.
func closing(s *suite) {
	const workers = 16
	var wg sync.WaitGroup
	ready := make(chan struct{}, workers)
	done := make([]int, workers)
	key := func(w int) store.UserKey { return store.UserKey{Realm: realm, ID: string(rune('a' + w))} }
	for w := range workers {
		wg.Go(func() {
			for {
				err := s.store.Update(s.ctx, key(w), func(tx store.Tx) error {
					return tx.PutUser(store.User{Key: key(w), TOTP: &store.TOTP{Floor: int64(done[w] + 1)}})
				})
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if err != nil {
					s.Errorf("while closing: %v", err)
					return
				}
				if done[w]++; done[w] == 5 {
					ready <- struct{}{}
				}
			}
		})
	}
	for range workers {
		<-ready
	}
	s.ok(s.store.Close())
	wg.Wait()
	s.store = s.open(s.T, s.clock)
	for w := range workers {
		s.equal(s.user(key(w)).TOTP.Floor, int64(done[w]))
	}
}
