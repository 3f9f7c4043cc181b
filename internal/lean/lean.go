// Package lean finds out from customers' codes that the server's clock is wrong: when
// the codes that are accepted are, on the whole, older or younger than people make them.
//
// Its one invariant: it only watches. It holds a bounded number of ages under hashes,
// no user's name, and nothing that it concludes changes which code is accepted.
//
// # The estimate
//
// An app shows the code of the step that its clock is in. Whoever looks at it does so at
// any time within the step, and then needs some seconds to type and send it. So the age
// of an accepted code (from the beginning of its step to its arrival, by the server's
// clock) is
//
//	age = time within the step + typing + lean
//
// where lean is how far the server's clock is ahead of the customers' clocks. Codes whose
// age is outside of the accepted steps are refused and never seen: a clock that is 25 s
// ahead loses the slow half of its customers, and the others look less late than they are.
// The reference customer looks at a time that is uniform within the step, and types for a
// time that is lognormal around 8 s. From that follows which median age each lean shows,
// with what is refused left out; the estimate is the lean that shows the median which was
// seen.
//
// What can't be told apart is a clock that is ahead and customers who are slow. The
// customers of one portal may well take 3 s (a password manager) or 20 s (a telephone in
// another room), which moves the estimate by some 5 s to the early side or 12 s to the
// late one. Hence an estimate below Alarm says nothing, and Alarm stands for "somewhere
// between a few and some thirty seconds". A median is used since single telephones with
// wrong clocks must not count for more than one; each user counts once.
package lean

import (
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// Period and Skew are what authenticator apps use and gates accept unless told
	// otherwise. Codes of others are left out: they have other ages.
	Period = 30 * time.Second
	Skew   = 1

	// Alarm is from which lean on, late or early, the clock is suspected.
	Alarm = 15 * time.Second
	// MinUsers are the fewest users whose codes say anything.
	MinUsers = 30

	// maxUsers bounds the window: the newest codes of so many users, none older than
	// maxAge, so that a clock which was mended is believed in again within a day.
	maxUsers = 256
	maxAge   = 24 * time.Hour
)

// Watch keeps the ages of the codes that were accepted last, one of each user. It is
// safe for concurrent use; a nil Watch keeps nothing.
type Watch struct {
	clock func() time.Time
	seed  maphash.Seed

	mu   sync.Mutex
	seen map[uint64]sample
}

type sample struct {
	at  time.Time
	age time.Duration
}

// New returns a watch that has seen nothing.
func New(clock func() time.Time) *Watch {
	return &Watch{clock: clock, seed: maphash.MakeSeed(), seen: make(map[uint64]sample)}
}

// Note takes down a code that was accepted: how long ago its step had begun. An age
// outside of the accepted steps is of an authenticator of another kind, and left out.
func (w *Watch) Note(realm, user string, age, period time.Duration) {
	if w == nil || period != Period || age < -Skew*Period || age >= (1+Skew)*Period {
		return
	}
	who := maphash.Comparable(w.seed, [2]string{realm, user})
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.seen[who]; !known && len(w.seen) >= maxUsers {
		w.dropOldest()
	}
	w.seen[who] = sample{w.clock(), age}
}

func (w *Watch) dropOldest() {
	var oldest uint64
	first := true
	for who, s := range w.seen {
		if first || s.at.Before(w.seen[oldest].at) {
			oldest, first = who, false
		}
	}
	delete(w.seen, oldest)
}

// Forget drops everything: after the clock was set, old ages say nothing about it.
func (w *Watch) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.seen)
}

// Estimate is what the codes say.
type Estimate struct {
	// Users are how many counted. With fewer than MinUsers the rest is zero.
	Users int
	// Lean is how late codes are beyond what people need; negative: early.
	Lean time.Duration
	// Low and High are where Lean is by chance, 999 times in 1,000, were all customers the
	// reference. How fast customers really are is not in it.
	Low, High time.Duration
}

// Known reports whether there was enough to look at.
func (e Estimate) Known() bool { return e.Users >= MinUsers }

// Alarming reports whether the whole range of the estimate is beyond Alarm.
func (e Estimate) Alarming() bool { return e.Known() && (e.Low >= Alarm || e.High <= -Alarm) }

// Estimate weighs what was seen.
func (w *Watch) Estimate() Estimate {
	ages := w.ages()
	e := Estimate{Users: len(ages)}
	if !e.Known() {
		return e
	}
	low, high := medianRange(len(ages))
	e.Lean = leanOf(ages[len(ages)/2])
	e.Low, e.High = leanOf(ages[low]), leanOf(ages[high])
	return e
}

// ages returns those that still count, the least first.
func (w *Watch) ages() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock()
	var ages []time.Duration
	for who, s := range w.seen {
		if old := now.Sub(s.at); old > maxAge || old < -maxAge {
			delete(w.seen, who)
			continue
		}
		ages = append(ages, s.age)
	}
	slices.Sort(ages)
	return ages
}

// medianRange are the places, in a sorted sample of n, between which the median of all
// customers is 999 times in 1,000: how many of n are below it is binomial, which is
// close to normal from MinUsers on.
func medianRange(n int) (low, high int) {
	half := 3.29 * math.Sqrt(float64(n)) / 2
	low = max(0, int(math.Floor(float64(n)/2-half)))
	return low, min(n-1, n-1-low)
}
