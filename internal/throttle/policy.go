// Package throttle bounds how often a wrong code may be given. [Policy] computes a user's waits,
// which grow with each failure and apply to guessable codes only; [Addresses] holds budgets for
// each pair of client address and user, and for each address. [Proxies] detects a configuration in
// which all clients seem to share one address.
//
// A refused attempt is neither checked nor counted, so attempts during a wait do not extend it. The
// counters of users are in the store and survive restarts; those of addresses are in memory and
// bounded. Package factor calls it.
package throttle

import (
	"math"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Policy defines the waits and bounds after failures.
type Policy struct {
	// Free is the number of failures in a row without a wait.
	Free int
	// Wait follows the first failure after those; it doubles with each further one
	// and is never longer than Max.
	Wait, Max time.Duration
	// Stop is how many failures in a row turn a factor off. NIST SP 800-63B allows
	// at most 100.
	Stop int
	// AddressCount is the number of failures within AddressPer that one address may cause for one
	// user and class of codes; 0 means no bound.
	AddressCount int
	AddressPer   time.Duration
}

// manyUsers is how many times AddressCount one address may fail over all users. By default that is
// 300 guesses in 10 minutes. This only slows an attacker down; Stop bounds the guesses for each
// user in any case.
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

// wait returns the wait after the n-th failure in a row.
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

// Stopped reports whether codes of the factor are refused because of Stop failures in a row.
func (p Policy) Stopped(f store.Failures) bool {
	return f.Count >= p.Stop
}
