package factor

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/internal/throttle"
)

// What was proven must still be there when it is spent: between the two
// transactions anything may happen.
func TestChangesBetweenCheckAndSpending(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(l *lab, tx store.Tx, u *store.User)
		want   error
	}{
		{"nothing", func(*lab, store.Tx, *store.User) {}, nil},
		{"factor replaced", func(_ *lab, _ store.Tx, u *store.User) { u.TOTP.ID = "another" }, ErrWrongCode},
		{"factor gone", func(_ *lab, _ store.Tx, u *store.User) { u.TOTP = nil }, ErrNoFactor},
		{"step spent", func(l *lab, _ store.Tx, u *store.User) { u.TOTP.Floor = l.clock.Now().Unix() / 30 }, ErrWrongCode},
		{"clearance gone", func(_ *lab, tx store.Tx, _ *store.User) {
			if err := tx.DeleteVisit(store.VisitID{1}); err != nil {
				panic(err)
			}
		}, ErrEnded},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t)
			e, _ := l.enrol(alice)
			a := Attempt{User: alice, Code: l.code(e, 0), Address: home, Cleared: l.clear(alice, 1)}
			bought := false
			_, err := l.Service.spend(t.Context(), a, func() error {
				l.change(alice, func(tx store.Tx, u *store.User) { test.change(l, tx, u) })
				return nil
			}, func(store.Tx, *store.User, Accepted) error {
				bought = true
				return nil
			})
			if !errors.Is(err, test.want) || bought != (test.want == nil) {
				t.Errorf("error %v, bought %v, want %v", err, bought, test.want)
			}
		})
	}
}

// TestHashingIsBounded: at most two hashes are computed at a time. A client that stops waiting
// for a slot has lost no attempt. A client that the throttle refuses does not wait for a slot.
func TestHashingIsBounded(t *testing.T) {
	s := defaults
	s.Throttle.AddressCount = 1
	l := newLabWith(t, s)
	_, backup := l.enrol(alice)
	if !hashing.TryAcquire(2) || hashing.TryAcquire(1) {
		t.Fatal("not exactly two may hash at a time")
	}
	defer hashing.Release(2)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	a := Attempt{User: alice, Code: backup[0], Address: home}
	_, err := l.Spend(ctx, a, nil)
	wantError(t, "given up", err, context.DeadlineExceeded)
	if got := l.record(alice).Failures; len(got) != 0 {
		t.Errorf("who gave up was counted: %v", got)
	}
	if _, _, ok := l.addresses.Admit(home, alice, throttle.LookUp); !ok {
		t.Error("who gave up was counted for the address")
	}
	wantThrottled(t, "throttled", l.spend(a))
}

// BenchmarkSpend accepts codes of different users, 64 at a time; BenchmarkRaw is what
// the store does with one small record each.
func BenchmarkSpend(b *testing.B) {
	s, db := benchService(b)
	code := make([]string, b.N)
	for i := range b.N {
		code[i] = benchUser(b, s, db, i)
	}
	benchParallel(b, func(ctx context.Context, i int) error {
		_, err := s.Spend(ctx, Attempt{User: fmt.Sprint(i), Code: code[i], Address: fmt.Sprint("10.0.0.", i%250)}, nil)
		return err
	})
}

func BenchmarkRaw(b *testing.B) {
	_, db := benchService(b)
	benchParallel(b, func(ctx context.Context, i int) error {
		key := store.UserKey{Realm: "shop", ID: fmt.Sprint(i)}
		return db.Update(ctx, key, func(tx store.Tx) error { return tx.Spend("one", noon.Add(time.Hour)) })
	})
}

func benchParallel(b *testing.B, op func(ctx context.Context, i int) error) {
	var next atomic.Int64
	b.SetParallelism(32) // of two cores
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := op(b.Context(), int(next.Add(1)-1)); err != nil {
				b.Error(err)
			}
		}
	})
}

func benchService(b *testing.B) (*Service, store.Store) {
	clock := func() time.Time { return noon }
	db, err := badger.Open(b.TempDir(), badger.Options{Clock: clock})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	ring, err := keys.Parse(keys.Generate())
	if err != nil {
		b.Fatal(err)
	}
	s := New(db, ring, "shop", defaults, throttle.NewAddresses(defaults.Throttle, clock))
	s.Clock = clock
	return s, db
}

// benchUser stores one with an authenticator and returns its present code.
func benchUser(b *testing.B, s *Service, db store.Store, i int) string {
	id := fmt.Sprint(i)
	e, err := s.Begin("")
	if err != nil {
		b.Fatal(err)
	}
	err = db.Update(b.Context(), s.key(id), func(tx store.Tx) error {
		return tx.PutUser(store.User{Key: s.key(id), FirstSeen: noon, TOTP: &store.TOTP{
			ID: e.ID, Secret: s.sealSecret(e.Secret, id, e.ID), Algorithm: SHA1, Digits: 6, Period: 30, AddedAt: noon,
		}})
	})
	if err != nil {
		b.Fatal(err)
	}
	g, err := newGenerator(e.Secret, SHA1, 6, 30)
	if err != nil {
		b.Fatal(err)
	}
	code, err := g.code(g.step(noon))
	if err != nil {
		b.Fatal(err)
	}
	return code
}
