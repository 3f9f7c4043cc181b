package throttle

import (
	"encoding/binary"
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

func fail(a *Addresses, addr string, n int) {
	for range n {
		a.Fail(addr)
	}
}

func TestAddressesBound(t *testing.T) {
	a, clock := newAddresses()
	for i := range 30 {
		if _, ok := a.Allow("192.0.2.1"); !ok {
			t.Fatalf("refused after %d failures", i)
		}
		a.Fail("192.0.2.1")
	}
	until, ok := a.Allow("192.0.2.1")
	if ok {
		t.Fatal("allowed after 30 failures")
	}
	if until.Before(noon.Add(9*time.Minute)) || until.After(noon.Add(11*time.Minute)) {
		t.Errorf("until %v", until.Sub(noon))
	}
	if _, ok := a.Allow("192.0.2.2"); !ok {
		t.Error("another address is refused")
	}
	clock.now = until.Add(-2 * time.Second)
	if _, ok := a.Allow("192.0.2.1"); ok {
		t.Error("allowed before the time it named")
	}
	clock.now = until
	if _, ok := a.Allow("192.0.2.1"); !ok {
		t.Error("refused at the time it named")
	}
}

// A window that slides lets nobody fail twice the bound around its edge.
func TestAddressesSlide(t *testing.T) {
	a, clock := newAddresses()
	a.Fail("192.0.2.1")
	clock.now = noon.Add(9 * time.Minute)
	fail(a, "192.0.2.1", 28)
	clock.now = noon.Add(11 * time.Minute)
	allowed := 0
	for range 60 {
		if _, ok := a.Allow("192.0.2.1"); ok {
			allowed++
			a.Fail("192.0.2.1")
		}
	}
	if allowed > 4 {
		t.Errorf("%d more failures two minutes after 29 of 30", allowed)
	}
	until, _ := a.Allow("192.0.2.1")
	clock.now = until
	if _, ok := a.Allow("192.0.2.1"); !ok {
		t.Errorf("refused at the time it named, %v", until.Sub(noon))
	}
}

func TestAddressesClockSetBack(t *testing.T) {
	a, clock := newAddresses()
	clock.now = noon.Add(365 * 24 * time.Hour)
	fail(a, "192.0.2.1", 40)
	clock.now = noon
	if _, ok := a.Allow("192.0.2.1"); !ok {
		t.Error("refused by failures of next year")
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
			fail(a, test.a, 30)
			if _, ok := a.Allow(test.a); ok {
				t.Error("allowed after 30 failures")
			}
			if _, ok := a.Allow(test.b); ok == test.same {
				t.Errorf("same network %v, want %v", !ok, test.same)
			}
		})
	}
}

func TestAddressesWithoutBound(t *testing.T) {
	a := NewAddresses(Policy{}, time.Now)
	fail(a, "192.0.2.1", 1000)
	if _, ok := a.Allow("192.0.2.1"); !ok {
		t.Error("refused without a bound")
	}
}

// A million addresses neither take more memory than a few nor free one that is blocked.
func TestAddressesBounded(t *testing.T) {
	a, clock := newAddresses()
	before := heap()
	fail(a, "192.0.2.1", 30)
	for i := range 1_000_000 {
		clock.now = clock.now.Add(100 * time.Microsecond)
		var ip [16]byte
		ip[0] = 0x20
		binary.BigEndian.PutUint32(ip[3:], uint32(i))
		a.Fail(netip.AddrFrom16(ip).String())
	}
	if len(a.seen) != maxAddresses {
		t.Errorf("%d addresses kept, want %d", len(a.seen), maxAddresses)
	}
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("%d MB more after a million addresses", grown>>20)
	}
	if _, ok := a.Allow("192.0.2.1"); ok {
		t.Error("a flood of addresses freed the one that was blocked")
	}
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
	for range 29 {
		wait.Go(func() {
			a.Allow("192.0.2.1")
			a.Fail("192.0.2.1")
		})
	}
	wait.Wait()
	if _, ok := a.Allow("192.0.2.1"); !ok {
		t.Error("refused after 29 failures")
	}
	a.Fail("192.0.2.1")
	if _, ok := a.Allow("192.0.2.1"); ok {
		t.Error("allowed after 30 failures: one was lost")
	}
}
