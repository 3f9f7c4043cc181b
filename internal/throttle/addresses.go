package throttle

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// maxAddresses bounds the memory of an Addresses to some 5 MB.
	maxAddresses = 1 << 15
	// sample is how many addresses compete for being forgotten when it is full.
	sample = 8
)

// Addresses counts failures per address over a sliding time, in memory. It is a
// second line: it slows somebody down who tries one password or code on many
// users. It holds 32,768 addresses; when full, the one with the fewest failures out
// of a random few is forgotten, so a flood of addresses hardly frees one that is
// blocked. Safe for concurrent use.
type Addresses struct {
	policy Policy
	clock  func() time.Time

	mu   sync.Mutex
	seen map[network]window
}

// network is what is counted as one address, in 16 bytes.
type network [16]byte

// window counts failures in a time of AddressPer that began with the first of
// them, and those in the time before. Together they estimate a sliding count
// without a list of times.
type window struct {
	start       int64 // Unix nanoseconds
	now, before uint32
	// told is when Fail last said that a wait began, in Unix nanoseconds.
	told int64
}

// NewAddresses returns an empty counter; clock is time.Now outside tests.
func NewAddresses(p Policy, clock func() time.Time) *Addresses {
	return &Addresses{policy: p, clock: clock, seen: make(map[network]window)}
}

// Allow tells whether an attempt may be made from addr, or from when on it may.
// It counts nothing.
func (a *Addresses) Allow(addr string) (until time.Time, ok bool) {
	if a.policy.AddressCount <= 0 {
		return time.Time{}, true
	}
	now, key := a.clock().UnixNano(), networkOf(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.seen[key].at(now, a.policy.AddressPer)
	if w.estimate(now, a.policy.AddressPer) < float64(a.policy.AddressCount) {
		return time.Time{}, true
	}
	return w.free(a.policy), false
}

// Fail counts a failure from addr. It says whether this one made the address wait, and
// until when, but not more than once in AddressPer: who goes on where a wait ends
// waits again and again.
func (a *Addresses) Fail(addr string) (until time.Time, began bool) {
	if a.policy.AddressCount <= 0 {
		return time.Time{}, false
	}
	now, key := a.clock().UnixNano(), networkOf(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	w, known := a.seen[key]
	if !known && len(a.seen) >= maxAddresses {
		a.forget(now)
	}
	w = w.at(now, a.policy.AddressPer)
	w.now++
	if w.estimate(now, a.policy.AddressPer) >= float64(a.policy.AddressCount) && (w.told == 0 || now-w.told >= int64(a.policy.AddressPer)) {
		w.told = now
		until, began = w.free(a.policy), true
	}
	a.seen[key] = w
	return until, began
}

// forget makes room for one address.
func (a *Addresses) forget(now int64) {
	var victim network
	fewest, n := 0.0, 0
	for key, w := range a.seen { // Go starts at a random place
		count := w.at(now, a.policy.AddressPer).estimate(now, a.policy.AddressPer)
		if n == 0 || count < fewest {
			victim, fewest = key, count
		}
		if n++; n == sample {
			break
		}
	}
	delete(a.seen, victim)
}

// at moves the window forward to now. One that begins in the future was written
// before the clock was set back; it begins anew, or it would never end.
func (w window) at(now int64, per time.Duration) window {
	age := time.Duration(now - w.start)
	switch {
	case age < 0 || age >= 2*per:
		return window{start: now}
	case age >= per:
		return window{start: w.start + int64(per), before: w.now, told: w.told}
	}
	return w
}

// estimate is the count of the sliding time that ends at now, taking the failures
// of the time before as evenly spread.
func (w window) estimate(now int64, per time.Duration) float64 {
	left := 1 - float64(now-w.start)/float64(per)
	return float64(w.now) + float64(w.before)*left
}

// free is when the estimate of a blocked window falls below the bound, rounded up
// to a second.
func (w window) free(p Policy) time.Time {
	start, count, room := w.start, w.before, p.AddressCount-int(w.now)
	if room <= 0 { // not in this time: in the next one, w.now is what was before
		start, count, room = start+int64(p.AddressPer), w.now, p.AddressCount
	}
	wait := (1 - float64(room)/float64(count)) * float64(p.AddressPer)
	return time.Unix(0, start+int64(wait)).UTC().Truncate(time.Second).Add(time.Second)
}

// networkOf is what an address is counted as: itself for IPv4 (mapped into IPv6 or
// not), the /64 for IPv6, as one customer has at least that much. What is no
// address, as a Unix socket's name, is counted as "::".
func networkOf(addr string) network {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		return network{}
	}
	n := network(ip.As16()) // without the zone; IPv4 as ::ffff:0:0/96
	if ip = ip.Unmap(); ip.Is6() {
		clear(n[8:])
	}
	return n
}
