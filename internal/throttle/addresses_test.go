package throttle

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"
)

type fakeClock struct{ now time.Time }

func (c *fakeClock) Now() time.Time { return c.now }

func newAddresses() (*Addresses, *fakeClock) {
	clock := &fakeClock{now: noon}
	return NewAddresses(policy, clock.Now), clock
}

const (
	here = "192.0.2.1"
	ann  = "ann"
	ben  = "ben"
)

// fail has so many attempts admitted and found wrong, and returns how many were admitted.
func fail(a *Addresses, addr, user string, class Class, n int) (admitted int) {
	for range n {
		if t, _, ok := a.Admit(addr, user, class); ok {
			a.Fail(t)
			admitted++
		}
	}
	return admitted
}

// allows reports whether an attempt would be admitted now, and changes nothing.
func allows(a *Addresses, addr, user string, class Class) (until time.Time, ok bool) {
	t, until, ok := a.Admit(addr, user, class)
	if ok {
		a.Refund(t)
	}
	return until, ok
}

func want(t *testing.T, a *Addresses, addr, user string, class Class, ok bool) {
	t.Helper()
	if _, got := allows(a, addr, user, class); got != ok {
		t.Errorf("class %d of %s from %s: admitted %v, want %v", class, user, addr, got, ok)
	}
}

func TestAddressesBound(t *testing.T) {
	for _, class := range []Class{Guessable, LookUp} {
		a, clock := newAddresses()
		if n := fail(a, here, ann, class, 40); n != 30 {
			t.Fatalf("%d of 40 attempts admitted, want 30", n)
		}
		until, ok := allows(a, here, ann, class)
		if ok {
			t.Fatal("admitted after 30 failures")
		}
		if until.Before(noon.Add(9*time.Minute)) || until.After(noon.Add(11*time.Minute)) {
			t.Errorf("until %v", until.Sub(noon))
		}
		want(t, a, "192.0.2.2", ann, class, true)
		want(t, a, here, ben, class, true)
		want(t, a, here, ann, 1-class, true)
		clock.now = until.Add(-2 * time.Second)
		want(t, a, here, ann, class, false)
		clock.now = until
		want(t, a, here, ann, class, true)
	}
}

// A window that slides admits no more than the bound around its edge.
func TestAddressesSlide(t *testing.T) {
	a, clock := newAddresses()
	fail(a, here, ann, Guessable, 1)
	clock.now = noon.Add(9 * time.Minute)
	fail(a, here, ann, Guessable, 28)
	clock.now = noon.Add(11 * time.Minute)
	if n := fail(a, here, ann, Guessable, 60); n > 4 {
		t.Errorf("%d more failures two minutes after 29 of 30", n)
	}
	until, _ := allows(a, here, ann, Guessable)
	clock.now = until
	if _, ok := allows(a, here, ann, Guessable); !ok {
		t.Errorf("refused at the time it named, %v", until.Sub(noon))
	}
}

func TestAddressesClockSetBack(t *testing.T) {
	a, clock := newAddresses()
	clock.now = noon.Add(365 * 24 * time.Hour)
	fail(a, here, ann, Guessable, 40)
	a.Know(here, ben)
	clock.now = noon
	want(t, a, here, ann, Guessable, true)
	fillAddress(a, here)
	want(t, a, here, ben, Guessable, false) // known by a clock that was ahead
}

// fillAddress makes many users fail until the address is blocked for strangers.
func fillAddress(a *Addresses, addr string) (users int) {
	for ; fail(a, addr, fmt.Sprint("user-", users), Guessable, 10) > 0; users++ {
	}
	return users
}

// TestAttack_I10_ManyUsers: an address that fails at many users is held up, after no
// fewer than thirty of them. Not held up are backup codes, users who passed from there
// before, and other addresses.
func TestAttack_I10_ManyUsers(t *testing.T) {
	a, clock := newAddresses()
	first, _, _ := a.Admit(here, ben, Guessable)
	a.Accept(first)
	if users := fillAddress(a, here); users != 30 {
		t.Errorf("held up after %d users, want 30", users)
	}
	want(t, a, here, ann, Guessable, false)
	want(t, a, here, ann, LookUp, true)
	want(t, a, here, ben, Guessable, true)
	want(t, a, "192.0.2.2", ann, Guessable, true)
	until, _ := allows(a, here, ann, Guessable)
	clock.now = until
	want(t, a, here, ann, Guessable, true)
	clock.now = clock.now.Add(knownFor)
	fillAddress(a, here)
	want(t, a, here, ben, Guessable, false) // that was long ago
}

// TestAttack_I10_OneUser: however often one user, or a few, fail at an address, it holds
// up no others there. Backup codes don't count for it at all.
func TestAttack_I10_OneUser(t *testing.T) {
	a, clock := newAddresses()
	for range 20 {
		for i := range 29 {
			fail(a, here, fmt.Sprint("own account ", i), Guessable, 30)
		}
		for i := range 1000 {
			fail(a, here, fmt.Sprint("other account ", i), LookUp, 1)
		}
		want(t, a, here, ann, Guessable, true)
		clock.now = clock.now.Add(20 * time.Minute)
	}
}

// What was no attempt, or was right, is taken back, also when its window has moved on.
func TestAddressesRefund(t *testing.T) {
	a, clock := newAddresses()
	var tickets []Ticket
	for range 30 {
		ticket, _, ok := a.Admit(here, ann, Guessable)
		if !ok {
			t.Fatal("refused")
		}
		tickets = append(tickets, ticket)
	}
	want(t, a, here, ann, Guessable, false)
	a.Accept(tickets[0])
	want(t, a, here, ann, Guessable, true)
	clock.now = clock.now.Add(policy.AddressPer + time.Second)
	fail(a, here, ann, Guessable, 1)
	for _, ticket := range tickets[1:] {
		a.Refund(ticket)
	}
	if n := fail(a, here, ann, Guessable, 60); n != 29 {
		t.Errorf("%d more admitted, want 29", n)
	}
}

func TestAddressesForget(t *testing.T) {
	a, _ := newAddresses()
	for _, class := range []Class{Guessable, LookUp} {
		for _, addr := range []string{here, "192.0.2.2"} {
			fail(a, addr, ann, class, 30)
			fail(a, addr, ben, class, 30)
		}
	}
	a.Forget(ann)
	for _, class := range []Class{Guessable, LookUp} {
		for _, addr := range []string{here, "192.0.2.2"} {
			want(t, a, addr, ann, class, true)
			want(t, a, addr, ben, class, false)
		}
	}
}

// A wait is told of once in its time, and of an address before that of one user.
func TestAddressesTell(t *testing.T) {
	a, clock := newAddresses()
	told := 0
	for i := range 40 {
		ticket, _, ok := a.Admit(here, ann, LookUp)
		if !ok {
			break
		}
		if held := a.Fail(ticket); held != nil {
			told++
			if i != 29 || held.Everyone || !held.Until.After(clock.now) {
				t.Errorf("after failure %d: %+v", i+1, held)
			}
		}
	}
	if told != 1 {
		t.Errorf("told %d times, want once", told)
	}
	everyone := 0
	for i := range 40 {
		for range 10 {
			if ticket, _, ok := a.Admit(here, fmt.Sprint(i), Guessable); ok {
				if held := a.Fail(ticket); held != nil && held.Everyone {
					everyone++
				}
			}
		}
	}
	if everyone != 1 {
		t.Errorf("told %d times of the address, want once", everyone)
	}
}

func TestAddressesSameNetwork(t *testing.T) {
	for _, test := range []struct {
		name, a, b string
		same       bool
	}{
		{"IPv4", "192.0.2.1", "192.0.2.2", false},
		{"IPv4 mapped", "192.0.2.1", "::ffff:192.0.2.1", true},
		{"mapped ones differ", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
		{"one /64", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"two /64", "2001:db8:0:1::1", "2001:db8:0:2::1", false},
		{"zone", "fe80::1%eth0", "fe80::2%eth1", true},
		{"spelling", "2001:DB8:0:0::1", "2001:db8::1", true},
		{"no address", "@", "", true},
		{"no address and one", "@", "192.0.2.1", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, _ := newAddresses()
			fail(a, test.a, ann, Guessable, 30)
			want(t, a, test.a, ann, Guessable, false)
			want(t, a, test.b, ann, Guessable, !test.same)
		})
	}
}

func TestAddressesWithoutBound(t *testing.T) {
	a := NewAddresses(Policy{}, time.Now)
	if n := fail(a, here, ann, LookUp, 1000); n != 1000 {
		t.Errorf("%d of 1000 admitted without a bound", n)
	}
}

// A million addresses take no more memory than a few, and don't unblock an address.
func TestAddressesBounded(t *testing.T) {
	a, clock := newAddresses()
	before := heap()
	fail(a, here, ann, Guessable, 30)
	for i := range 1_000_000 {
		clock.now = clock.now.Add(100 * time.Microsecond)
		var ip [16]byte
		ip[0] = 0x20
		binary.BigEndian.PutUint32(ip[3:], uint32(i))
		addr := netip.AddrFrom16(ip).String()
		fail(a, addr, ben, Guessable, 1)
		if i%4 == 0 {
			a.Know(addr, ben)
		}
	}
	if len(a.pairs) != maxPairs || len(a.all) != maxAddresses || len(a.known) != maxKnown {
		t.Errorf("%d pairs, %d addresses, %d known ones are kept", len(a.pairs), len(a.all), len(a.known))
	}
	if grown := heap() - before; grown > 24<<20 {
		t.Errorf("%d MB more after a million addresses", grown>>20)
	}
	want(t, a, here, ann, Guessable, false)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAddressesParallel(t *testing.T) {
	a, _ := newAddresses()
	var wait sync.WaitGroup
	var mu sync.Mutex
	admitted := 0
	for range 100 {
		wait.Go(func() {
			n := fail(a, here, ann, LookUp, 1)
			mu.Lock()
			defer mu.Unlock()
			admitted += n
		})
	}
	wait.Wait()
	if admitted != 30 {
		t.Errorf("%d of 100 parallel attempts admitted, want 30", admitted)
	}
}
