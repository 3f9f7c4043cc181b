// Package throttle bounds how often a wrong code may be given. [Policy] computes a user's
// waits, which grow with each failure and apply to guessable codes only; [Addresses]
// holds budgets for each pair of client address and user, and for each address.
// [Proxies] warns where all clients share one address by a mistake in the configuration.
//
// An attempt that is refused here is neither looked at nor counted: trying during a wait
// never makes it longer. The user's counters live in the store and survive restarts;
// those of addresses live in memory, bounded. Package factor is the caller.
package throttle

import (
	"math"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Policy defines the waits and bounds after failures.
type Policy struct {
	// Free is how many failures in a row cost no wait.
	Free int
	// Wait follows the first failure after those; it doubles with each further one
	// and is never longer than Max.
	Wait, Max time.Duration
	// Stop is how many failures in a row turn a factor off. NIST SP 800-63B allows
	// at most 100.
	Stop int
	// AddressCount failures within AddressPer are the most that one address may cause
	// at one user, for each class of codes; no count, no bound.
	AddressCount int
	AddressPer   time.Duration
}

// manyUsers is how many times AddressCount one address may fail over all users. By
// default that is 300 guesses in 10 minutes. It only slows down: each of the users is
// bounded by Stop in any case.
const manyUsers = 10

// overUsers is how many failures one address may cause over all users.
func (p Policy) overUsers() int { return manyUsers * p.AddressCount }

// perUser is how many of one user's failures count for the address. It takes
// 3 x manyUsers users to use up what an address has.
func (p Policy) perUser() int { return max(1, p.AddressCount/3) }

// Next returns f after one more failure at now.
func (p Policy) Next(f store.Failures, now time.Time) store.Failures {
	if f.Count < math.MaxInt {
		f.Count++
	}
	f.Until = time.Time{}
	if wait := p.wait(f.Count); wait > 0 {
		f.Until = now.Add(wait)
	}
	return f
}

// wait is what the n-th failure in a row costs.
func (p Policy) wait(n int) time.Duration {
	if n <= p.Free {
		return 0
	}
	wait := p.Wait
	for range n - p.Free - 1 {
		if wait <= 0 || wait >= p.Max/2 {
			return p.Max
		}
		wait *= 2
	}
	return min(wait, p.Max)
}

// Blocked reports whether a wait is in effect at now, and until when. A wait that ends later
// than twice Max from now is ignored: it was written by a clock that has been set back since.
// Otherwise a clock that was a year ahead would lock users out for a year. The factor of two
// allows for nodes with slightly different clocks.
func (p Policy) Blocked(f store.Failures, now time.Time) (until time.Time, blocked bool) {
	if !f.Until.After(now) || f.Until.After(now.Add(2*p.Max)) {
		return time.Time{}, false
	}
	return f.Until, true
}

// Stopped tells whether there were so many failures in a row that the factor is off.
func (p Policy) Stopped(f store.Failures) bool {
	return f.Count >= p.Stop
}
