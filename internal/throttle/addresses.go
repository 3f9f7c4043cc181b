package throttle

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/network"
)

// Bounds of the memory of an Addresses, under 24 MB in all.
const (
	// maxPairs is how many pairs of an address and a user are counted.
	maxPairs = 1 << 15
	// maxAddresses is how many addresses are counted over all users.
	maxAddresses = 1 << 15
	// maxKnown is how many pairs are remembered for an accepted code.
	maxKnown = 1 << 15
	// sample is the number of entries of which the least is removed when a table is full.
	sample = 8
)

// knownFor is how long an accepted code makes a user known at an address. NIST
// SP 800-63B-4, section 3.2.2, names addresses from which the subscriber was authenticated
// before as a means against lock-outs.
const knownFor = 30 * 24 * time.Hour

// Class is a class of codes with separate budgets. Failures of one class do not use up the budget
// of another.
type Class uint8

const (
	// Guessable are codes of a few digits, such as those of an authenticator app.
	Guessable Class = iota
	// LookUp are backup and recovery codes: 80 bits. They have no budget over all users.
	LookUp
)

// Addresses counts failures per client address in memory, over a sliding time:
//
//   - Each pair of address and user has a budget of Policy.AddressCount for each class. Failures of
//     one user at an address do not affect other users there.
//   - Each address has a budget of manyUsers times as much over all users, for guessable codes. A
//     user counts there with a third of AddressCount at most, so that it takes many users to use it
//     up. It does not apply to a user with a recent accepted code from that address.
//
// An attempt is counted when it is admitted, and uncounted if the code was right or not checked. So
// parallel attempts get no more than the budget. Each table is bounded. When it is full, the entry
// with the lowest count among a few random ones is removed, so a flood of addresses is unlikely to
// remove an entry that is blocked. It is safe for concurrent use.
type Addresses struct {
	policy Policy
	clock  func() time.Time
	seed   maphash.Seed

	mu    sync.Mutex
	pairs map[pair]window
	all   map[network.Network]window
	known map[pair]int64 // Unix nanoseconds of the last accepted code
}

// pair is one address with one user; the user's id is hashed together with the class.
type pair struct {
	net network.Network
	who uint64
}

// NewAddresses returns an empty counter; clock is time.Now outside tests.
func NewAddresses(p Policy, clock func() time.Time) *Addresses {
	return &Addresses{
		policy: p, clock: clock, seed: maphash.MakeSeed(),
		pairs: make(map[pair]window), all: make(map[network.Network]window), known: make(map[pair]int64),
	}
}

// Ticket identifies an attempt that was admitted and counted as a failure.
type Ticket struct {
	addr, user string
	class      Class
	counted    bool
	// pairAt and allAt are the starts of the windows that it was counted in; allAt is
	// zero where it was not counted for the address.
	pairAt, allAt int64
}

// Admit counts an attempt as a failure, or refuses it; until is then the end of the wait. A refused
// attempt is not counted. The caller calls Accept, Refund or Fail with the ticket.
func (a *Addresses) Admit(addr, user string, class Class) (t Ticket, until time.Time, ok bool) {
	t = Ticket{addr: addr, user: user, class: class}
	if a.policy.AddressCount <= 0 {
		return t, time.Time{}, true
	}
	now, key := a.clock().UnixNano(), a.pairOf(addr, user, class)
	a.mu.Lock()
	defer a.mu.Unlock()
	own := a.pairs[key].at(now, a.policy.AddressPer)
	if own.full(now, a.policy.AddressCount, a.policy.AddressPer) {
		return t, own.free(a.policy.AddressCount, a.policy.AddressPer), false
	}
	all := a.all[key.net].at(now, a.policy.AddressPer)
	if class == Guessable && all.full(now, a.policy.overUsers(), a.policy.AddressPer) && !a.isKnown(key, now) {
		return t, all.free(a.policy.overUsers(), a.policy.AddressPer), false
	}
	a.count(&t, key, own, all, now)
	return t, time.Time{}, true
}

// count adds the attempt to its windows.
func (a *Addresses) count(t *Ticket, key pair, own, all window, now int64) {
	if class := t.class; class == Guessable && !own.full(now, a.policy.perUser(), a.policy.AddressPer) {
		all.now++
		t.allAt = all.start
		put(a.all, maxAddresses, key.net, all, a.lesser(now))
	}
	own.now++
	t.pairAt, t.counted = own.start, true
	put(a.pairs, maxPairs, key, own, a.lesser(now))
}

// Refund uncounts an attempt with a code that was not checked.
func (a *Addresses) Refund(t Ticket) {
	if !t.counted {
		return
	}
	key := a.pairOf(t.addr, t.user, t.class)
	a.mu.Lock()
	defer a.mu.Unlock()
	if w, there := a.pairs[key]; there {
		a.pairs[key] = w.without(t.pairAt, a.policy.AddressPer)
	}
	if w, there := a.all[key.net]; there && t.allAt != 0 {
		a.all[key.net] = w.without(t.allAt, a.policy.AddressPer)
	}
}

// Accept uncounts an attempt with a right code, and makes its user known at the address.
func (a *Addresses) Accept(t Ticket) {
	a.Refund(t)
	a.Know(t.addr, t.user)
}

// Know makes a user known at an address: a code of the user was accepted from there.
func (a *Addresses) Know(addr, user string) {
	now, key := a.clock().UnixNano(), a.pairOf(addr, user, Guessable)
	a.mu.Lock()
	defer a.mu.Unlock()
	put(a.known, maxKnown, key, now, func(x, y int64) bool { return x < y })
}

// isKnown reports whether the user is known at the address. It ignores entries of a clock that
// was ahead.
func (a *Addresses) isKnown(key pair, now int64) bool {
	at, known := a.known[key]
	return known && at <= now && now-at < int64(knownFor)
}

// Held describes a wait that a wrong code has started.
type Held struct {
	Until time.Time
	// Everyone says that the wait applies to all users that are not known at the address, and not
	// only to this user.
	Everyone bool
}

// Fail keeps the attempt counted. It returns the wait that this failure started, or nil. Each
// wait is returned at most once in AddressPer.
func (a *Addresses) Fail(t Ticket) *Held {
	if !t.counted {
		return nil
	}
	now, key := a.clock().UnixNano(), a.pairOf(t.addr, t.user, t.class)
	a.mu.Lock()
	defer a.mu.Unlock()
	if until, began := begins(a.all, key.net, now, a.policy.overUsers(), a.policy.AddressPer); began && t.allAt != 0 {
		return &Held{Until: until, Everyone: true}
	}
	if until, began := begins(a.pairs, key, now, a.policy.AddressCount, a.policy.AddressPer); began {
		return &Held{Until: until}
	}
	return nil
}

// Forget resets the counters of a user at all addresses. It is called when staff unlock the user.
// The counters of addresses over all users remain.
func (a *Addresses) Forget(user string) {
	guessable, lookUp := a.hash(user, Guessable), a.hash(user, LookUp)
	a.mu.Lock()
	defer a.mu.Unlock()
	for key := range a.pairs {
		if key.who == guessable || key.who == lookUp {
			delete(a.pairs, key)
		}
	}
}

func (a *Addresses) pairOf(addr, user string, class Class) pair {
	return pair{net: network.Of(addr), who: a.hash(user, class)}
}

func (a *Addresses) hash(user string, class Class) uint64 {
	return maphash.Comparable(a.seed, struct {
		user  string
		class Class
	}{user, class})
}

// lesser orders windows by their present count.
func (a *Addresses) lesser(now int64) func(x, y window) bool {
	per := a.policy.AddressPer
	return func(x, y window) bool { return x.at(now, per).estimate(now, per) < y.at(now, per).estimate(now, per) }
}

// put writes an entry. In a full table, a new entry replaces the one with the lowest count among a
// few.
func put[K comparable, V any](table map[K]V, limit int, key K, value V, less func(x, y V) bool) {
	if _, there := table[key]; !there && len(table) >= limit {
		forget(table, less)
	}
	table[key] = value
}

func forget[K comparable, V any](table map[K]V, less func(x, y V) bool) {
	var victim K
	var least V
	n := 0
	for key, value := range table { // Go iterates over a map from a random place
		if n == 0 || less(value, least) {
			victim, least = key, value
		}
		if n++; n == sample {
			break
		}
	}
	delete(table, victim)
}
