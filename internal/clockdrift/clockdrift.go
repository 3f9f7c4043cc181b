// Package clockdrift estimates from accepted codes how far the server's clock is from
// those of the customers' authenticator apps. Package factor reports each accepted code;
// caddyplugin turns the [Estimate] into a warning, a metric and a field of the status.
//
// An estimate never changes which code is accepted. The package keeps a bounded number of
// ages in memory, under hashes and not under users' names.
//
// # The estimate
//
// An app shows the code of the step that its clock is in. A customer reads it at any time
// within the step, and then needs some seconds to type and send it. The age of an accepted
// code, from the beginning of its step to its arrival by the server's clock, is
//
//	age = time within the step + typing + lean
//
// where lean is how far the server's clock is ahead of the customers' clocks. Codes with
// an age outside of the accepted steps are refused and never seen: a clock that is 25 s
// ahead refuses the slower half of the customers, and the others look less late than they
// are. The reference customer reads at a time that is uniform within the step, and types
// for a time that is lognormal around 8 s (95 of 100 for 2.5 to 26 s). The median age that
// each lean shows, without what is refused, follows from that: see [medians]. The estimate
// is the lean that shows the observed median.
//
// A clock that is ahead cannot be told from customers who are slow. The customers of one
// portal may well take 3 s (a password manager) or 20 s (a telephone in another room),
// which moves the estimate by some 5 s to the early side or 12 s to the late one. An
// estimate below Alarm therefore says nothing. The estimate uses a median, and each user
// counts once, so that single telephones with wrong clocks have no weight.
package clockdrift

import (
	"fmt"
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// Period and Skew are the defaults of authenticator apps and gates. Codes of
	// authenticators with other values are left out, since their ages differ.
	Period = 30 * time.Second
	Skew   = 1

	// Alarm is the least lean, late or early, that makes the clock suspect.
	Alarm = 15 * time.Second
	// MinUsers is the minimum number of users for an estimate.
	MinUsers = 30

	// The window has the newest code of each of at most maxUsers users, none older than
	// maxAge, so that a warning ends within a day after the clock was corrected.
	maxUsers = 256
	maxAge   = 24 * time.Hour
)

// Watch keeps the ages of the codes that were accepted last, one per user. It is safe for
// concurrent use; a nil Watch keeps nothing.
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

// New returns an empty watch.
func New(clock func() time.Time) *Watch {
	return &Watch{clock: clock, seed: maphash.MakeSeed(), seen: make(map[uint64]sample)}
}

// Note records an accepted code: age is the time since its step began. An age outside of
// the accepted steps belongs to an authenticator with another skew, and is left out.
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
	earlier := func(a, b uint64) int { return w.seen[a].at.Compare(w.seen[b].at) }
	delete(w.seen, slices.MinFunc(slices.Collect(maps.Keys(w.seen)), earlier))
}

// Forget drops all ages. It is called after the server's clock was changed.
func (w *Watch) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.seen)
}

// Estimate is the estimated lean of the server's clock.
type Estimate struct {
	// Users is the number of users in the sample. With fewer than MinUsers the other fields
	// are zero.
	Users int
	// Lean is how much later codes arrive than those of the reference customer would, that
	// is, how far the server's clock is ahead. It is negative if codes arrive earlier.
	Lean time.Duration
	// Low and High bound Lean with a confidence of 99.9 %, if all customers are like the
	// reference customer.
	Low, High time.Duration
}

// Known reports whether there are enough users for an estimate.
func (e Estimate) Known() bool { return e.Users >= MinUsers }

// Alarming reports whether the whole range of the estimate is beyond Alarm.
func (e Estimate) Alarming() bool { return e.Known() && (e.Low >= Alarm || e.High <= -Alarm) }

// String describes the lean, as in "codes lean 25 s late".
func (e Estimate) String() string {
	side := "late"
	if e.Lean < 0 {
		side = "early"
	}
	return fmt.Sprintf("codes lean %.0f s %s", math.Abs(e.Lean.Seconds()), side)
}

// Estimate returns the estimate of the ages in the window.
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

// ages returns the ages in the window in order, and drops those that are too old.
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

// medianRange returns the places, in a sorted sample of n, between which the median of
// all customers is with a confidence of 99.9 %. The number of ages below that median is
// binomial, which is close to normal from MinUsers on.
func medianRange(n int) (low, high int) {
	half := 3.29 * math.Sqrt(float64(n)) / 2
	low = max(0, int(math.Floor(float64(n)/2-half)))
	return low, min(n-1, n-1-low)
}

// medians are the median ages, in seconds, of reference customers' accepted codes under
// leans from -50 s to 50 s in steps of leanStep seconds. Beyond that hardly a code is
// accepted. TestMedians computes them.
var medians = [...]float64{
	-20.1, -17.4, -14.4, -10.5, -5.7, -0.7, 4.3, 9.3, 14.3, 19.3, 24.3,
	29.3, 34.1, 38.9, 43.3, 46.8, 49.4, 51.7, 53.9, 55.9, 57.8,
}

const leanStep = 5

// leanOf returns the lean that shows this median age, by linear interpolation.
func leanOf(age time.Duration) time.Duration {
	last := len(medians) - 1
	at, _ := slices.BinarySearch(medians[:], age.Seconds())
	at = min(max(at, 1), last)
	below, above := medians[at-1], medians[at]
	part := min(max((age.Seconds()-below)/(above-below), 0), 1)
	return time.Duration((float64(at-1-last/2) + part) * leanStep * float64(time.Second))
}
