// Package clock returns the current time to the gate, the pages and the store. Tests move it;
// nothing else does.
package clock

import (
	"sync/atomic"
	"time"
)

var offset atomic.Int64

// Now is the present time.
func Now() time.Time { return time.Now().Add(time.Duration(offset.Load())) }

// Move sets the clock forward, or back where d is negative, for tests that must not
// wait for a code's next 30 seconds. It returns the way back.
func Move(d time.Duration) (restore func()) {
	offset.Add(int64(d))
	return func() { offset.Add(-int64(d)) }
}
