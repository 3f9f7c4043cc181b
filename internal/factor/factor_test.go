package factor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
	"github.com/secondgate/secondgate/internal/throttle"
)

const (
	alice = "1001"
	bob   = "1002"
	home  = "192.0.2.1"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// defaults are those of the Caddyfile, but for fewer backup codes: each costs a hash.
var defaults = Settings{
	Issuer: "Oma Avaruus", Digits: 6, Period: 30 * time.Second, Algorithm: SHA1, Skew: 1, BackupCodes: 2,
	Throttle: throttle.Policy{
		Free: 5, Wait: 30 * time.Second, Max: 15 * time.Minute, Stop: 100,
		AddressCount: 30, AddressPer: 10 * time.Minute,
	},
}

type fakeClock struct{ nanos atomic.Int64 }

func (c *fakeClock) Now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *fakeClock) Set(t time.Time)         { c.nanos.Store(t.UnixNano()) }
func (c *fakeClock) Advance(d time.Duration) { c.nanos.Add(int64(d)) }

// lab is a service over a real store, at noon.
type lab struct {
	*Service
	t     *testing.T
	clock *fakeClock
}

func newLab(t *testing.T) *lab { return newLabWith(t, defaults) }

func newLabWith(t *testing.T, settings Settings) *lab {
	return newLabOn(t, settings, func(o records.Options) store.Store { return records.Open(memory.New(), o) })
}

func newLabOn(t *testing.T, settings Settings, open func(o records.Options) store.Store) *lab {
	t.Helper()
	l := &lab{t: t, clock: &fakeClock{}}
	l.clock.Set(noon)
	db := open(records.Options{Clock: l.clock.Now})
	t.Cleanup(func() { db.Close() })
	ring, err := keys.Parse(keys.Generate())
	if err != nil {
		t.Fatal(err)
	}
	l.Service = New(db, ring, "shop", settings, throttle.NewAddresses(settings.Throttle, l.clock.Now))
	l.Clock = l.clock.Now
	return l
}

// enrol gives the user an authenticator and steps on, so that its next code is fresh.
func (l *lab) enrol(user string) (Enrolment, []string) {
	l.t.Helper()
	e, err := l.Begin("")
	if err != nil {
		l.t.Fatal(err)
	}
	done, err := l.Confirm(l.t.Context(), Attempt{User: user, Code: l.code(e, 0)}, e, store.VisitID{}, nil)
	if err != nil {
		l.t.Fatalf("confirm: %v", err)
	}
	l.clock.Advance(2 * time.Minute)
	return e, done.BackupCodes
}

// code is that of the step so many after the present one.
func (l *lab) code(e Enrolment, steps int64) string {
	l.t.Helper()
	g, err := newGenerator(e.Secret, e.Algorithm, e.Digits, e.Period)
	if err != nil {
		l.t.Fatal(err)
	}
	code, err := g.code(g.step(l.clock.Now()) + steps)
	if err != nil {
		l.t.Fatal(err)
	}
	return code
}

// wrong is a code that is none of those around now.
func (l *lab) wrong(e Enrolment) string {
	for n := 0; ; n++ {
		code := fmt.Sprintf("%06d", n)
		near := false
		for steps := int64(-3); steps <= 3; steps++ {
			near = near || code == l.code(e, steps)
		}
		if !near {
			return code
		}
	}
}

func (l *lab) spend(a Attempt) error {
	_, err := l.Spend(l.t.Context(), a, nil)
	return err
}

func (l *lab) record(user string) store.User {
	l.t.Helper()
	u, err := l.store.User(l.t.Context(), l.key(user))
	if err != nil {
		l.t.Fatal(err)
	}
	return u
}

// change edits a user's record behind the service's back.
func (l *lab) change(user string, fn func(tx store.Tx, u *store.User)) {
	l.t.Helper()
	err := l.store.Update(l.t.Context(), l.key(user), func(tx store.Tx) error {
		u, err := tx.User()
		if errors.Is(err, store.ErrNotFound) {
			u.Key, err = l.key(user), nil
		}
		if err != nil {
			return err
		}
		fn(tx, &u)
		return tx.PutUser(u)
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// clear gives the user a clearance in a visit that the byte names.
func (l *lab) clear(user string, name byte) *store.VisitID {
	l.t.Helper()
	v := l.clearance(user, name)
	l.change(user, func(tx store.Tx, _ *store.User) {
		if err := tx.PutVisit(v); err != nil {
			l.t.Error(err)
		}
	})
	return &v.ID
}

func (l *lab) clearance(user string, name byte) store.Visit {
	return store.Visit{Realm: l.realm, ID: store.VisitID{name}, User: user, Factor: KindTOTP,
		At: l.clock.Now(), LastSeen: l.clock.Now(), Expires: l.clock.Now().Add(12 * time.Hour)}
}

func (l *lab) cleared(id *store.VisitID) bool {
	l.t.Helper()
	return l.visit(id).User != ""
}

// over reports whether a session was ended for good: its token is revoked.
func (l *lab) over(id *store.VisitID) bool {
	l.t.Helper()
	return l.visit(id).SessionEnded
}

func (l *lab) visit(id *store.VisitID) store.Visit {
	l.t.Helper()
	v, err := l.store.Visit(l.t.Context(), l.realm, *id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		l.t.Fatal(err)
	}
	return v
}

// wantSessionsEnded wants that cookies which were sealed until now are worth nothing, and
// those that are sealed behind the margin are.
func (l *lab) wantSessionsEnded(user string) {
	l.t.Helper()
	now, ended := l.clock.Now(), l.record(user).SessionsEnded
	if !session.Outdated(now, ended, now) || session.Outdated(session.After(now), ended, now) {
		l.t.Errorf("sessions ended at %v, want %v behind %v", ended, session.EndMargin, now)
	}
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func wantThrottled(t *testing.T, what string, err error) *Throttled {
	t.Helper()
	var throttled *Throttled
	if !errors.As(err, &throttled) {
		t.Fatalf("%s: error %v, want a wait", what, err)
	}
	return throttled
}

// parallel runs fn n times at once and returns what came back.
func parallel(n int, fn func(i int) error) []error {
	var wait sync.WaitGroup
	start, errs := make(chan struct{}), make([]error, n)
	for i := range n {
		wait.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wait.Wait()
	return errs
}

func count(errs []error, match func(error) bool) (n int) {
	for _, err := range errs {
		if match(err) {
			n++
		}
	}
	return n
}

func accepted(err error) bool  { return err == nil }
func wrongCode(err error) bool { return errors.Is(err, ErrWrongCode) }

func throttled(err error) bool {
	var t *Throttled
	return errors.As(err, &t)
}

func TestNobodyThere(t *testing.T) {
	l := newLab(t)
	l.change(bob, func(store.Tx, *store.User) {})
	for what, user := range map[string]string{"unknown": alice, "without factor": bob} {
		wantError(t, what, l.spend(Attempt{User: user, Code: "123456", Address: home}), ErrNoFactor)
	}
	if _, err := l.store.User(t.Context(), l.key(alice)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an attempt made a record of an unknown user: %v", err)
	}
	_, err := l.Reset(t.Context(), alice, nil)
	wantError(t, "reset of an unknown user", err, store.ErrNotFound)
}

func TestStoreFails(t *testing.T) {
	l := newLab(t)
	e, backup := l.enrol(alice)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, code := range []string{l.code(e, 0), backup[0], l.wrong(e)} {
		_, err := l.Spend(ctx, Attempt{User: alice, Code: code, Address: home}, nil)
		wantError(t, "given up", err, context.Canceled)
	}
	if err := l.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{l.code(e, 0), backup[0], l.wrong(e)} {
		err := l.spend(Attempt{User: alice, Code: code, Address: home})
		wantError(t, "closed", err, store.ErrClosed)
		if wrongCode(err) {
			t.Error("a closed store makes a code a wrong one")
		}
	}
}
