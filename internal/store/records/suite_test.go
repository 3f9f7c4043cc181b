// The suite of package store's domain, which passes on every engine. It tests what store's
// documentation promises, and nothing that only one engine could do. So no test makes one
// transaction wait for another inside its function, and times are whole microseconds.
package records_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

// opener opens a store in one place. Called again after the store was closed, it opens what is
// there. What has expired is decided by clock alone.
type opener func(t *testing.T, clock func() time.Time) store.Store

// TestStore runs the suite on the engine in memory.
func TestStore(t *testing.T) {
	runSuite(t, func(*testing.T) opener {
		engine := memory.New()
		return func(_ *testing.T, clock func() time.Time) store.Store {
			engine = engine.Reopen()
			return records.Open(engine, records.Options{Clock: clock})
		}
	})
}

// TestStore_Badger runs the suite on Badger.
func TestStore_Badger(t *testing.T) {
	runSuite(t, func(t *testing.T) opener {
		dir := t.TempDir()
		return func(t *testing.T, clock func() time.Time) store.Store {
			d, err := badger.Open(dir, badger.Options{Clock: clock})
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
	})
}

// runSuite tests an engine; place makes an empty place for a store.
func runSuite(t *testing.T, place func(t *testing.T) opener) {
	for _, group := range [][]test{userTests, listTests, visitTests, spendTests, parallelTests, snapshotTests, dayTests, eventTests, mailTests, lifeTests} {
		for _, tt := range group {
			t.Run(tt.name, func(t *testing.T) { tt.run(newSuite(t, place(t))) })
		}
	}
}

type test struct {
	name string
	run  func(s *suite)
}

// start is when the tests begin: not now, so that an engine that looks at the
// machine's clock is found out.
var start = time.Date(2031, 4, 5, 6, 7, 8, 9000, time.UTC)

const realm = "shop"

var alice = store.UserKey{Realm: realm, ID: "alice"}

// suite is one test's store and clock.
type suite struct {
	*testing.T
	ctx   context.Context
	store store.Store
	open  opener
	now   time.Time
	mu    sync.Mutex // guards now
}

func newSuite(t *testing.T, open opener) *suite {
	s := &suite{T: t, ctx: t.Context(), open: open, now: start}
	s.store = open(t, s.clock)
	t.Cleanup(func() { s.store.Close() })
	return s
}

func (s *suite) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *suite) setClock(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
}

// reopen closes the store and opens it again.
func (s *suite) reopen() {
	s.Helper()
	s.ok(s.store.Close())
	s.store = s.open(s.T, s.clock)
}

func (s *suite) ok(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) fails(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("error is %v, want %v", err, want)
	}
}

// result is what a call returned.
type result[T any] struct {
	value T
	err   error
}

func call[T any](value T, err error) result[T] { return result[T]{value, err} }

// ok returns the value, and ends the test if the call failed.
func (r result[T]) ok(s *suite) T {
	s.Helper()
	s.ok(r.err)
	return r.value
}

// fails ends the test unless the call failed with this error.
func (r result[T]) fails(s *suite, want error) {
	s.Helper()
	s.fails(r.err, want)
}

func (s *suite) equal(got, want any) {
	s.Helper()
	if !reflect.DeepEqual(got, want) {
		s.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func (s *suite) update(key store.UserKey, fn func(tx store.Tx) error) {
	s.Helper()
	s.ok(s.store.Update(s.ctx, key, fn))
}

func (s *suite) put(u store.User) {
	s.Helper()
	s.update(u.Key, func(tx store.Tx) error { return tx.PutUser(u) })
}

func (s *suite) user(key store.UserKey) store.User {
	s.Helper()
	u := call(s.store.User(s.ctx, key)).ok(s)
	return u
}

// each runs fn n times in parallel and returns how often it returned nil; any
// other error than those allowed fails the test.
func (s *suite) each(n int, fn func(i int) error, allowed ...error) int {
	s.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = fn(i) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !slices.ContainsFunc(allowed, func(a error) bool { return errors.Is(err, a) }) {
			s.Fatal(err)
		}
	}
	return won
}

// fullUser has a value in every field.
func fullUser(key store.UserKey) store.User {
	at := start.Add(-time.Hour)
	return store.User{
		Key: key, Name: "Aliisa Ä.", Email: "aliisa@example.org", Language: "fi", FirstSeen: at, EnabledAt: at.Add(time.Minute),
		TOTP: &store.TOTP{
			ID: "t1", Secret: []byte("sealed\x00bytes"), Algorithm: "SHA256",
			Digits: 8, Period: 30, Floor: 58_000_000, AddedAt: at, UsedAt: start,
		},
		Backup: &store.BackupSet{
			Salt: []byte("salt"), Hashes: [][]byte{[]byte("one"), []byte("two")}, Total: 10,
			AddedAt: at, UsedAt: start,
		},
		Recovery: &store.Recovery{
			Salt: []byte("other salt"), Hash: []byte("three"), Issued: at, Expires: at.Add(time.Hour), Staff: "sinikka",
		},
		Failures: map[string]store.Failures{
			"totp":   {Count: 3, Until: start.Add(time.Minute)},
			"backup": {Count: 1},
		},
		Spent:         &store.SpentCodes{Key: []byte("sealed key"), Digests: []byte("sixteen bytes, 2"), Closed: true},
		SessionsEnded: at.Add(time.Hour),
	}
}

func visitID(n int) store.VisitID {
	var id store.VisitID
	copy(id[:], strconv.Itoa(n))
	return id
}

// visit is a clearance of the user for an hour, given n seconds after the start.
func visit(key store.UserKey, n int) store.Visit {
	at := start.Add(time.Duration(n) * time.Second)
	return store.Visit{
		Realm: key.Realm, ID: visitID(n), User: key.ID, Factor: "totp",
		At: at, LastSeen: at, Expires: at.Add(time.Hour),
		Address: "192.0.2.7", Agent: "Browser/1", Binds: []uint64{7, 1 << 63}, Failures: 2,
	}
}

func (s *suite) putVisits(key store.UserKey, visits ...store.Visit) {
	s.Helper()
	s.update(key, func(tx store.Tx) error {
		for _, v := range visits {
			if err := tx.PutVisit(v); err != nil {
				return err
			}
		}
		return nil
	})
}
