package visits

import (
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/network"
)

// Bounds of the questions that visits without clearance cause (threats.md, I14). A page
// of an ordinary portal causes one or two; a browser that opens ten tabs stays below.
const (
	visitRate, visitBurst     = 20, 80
	addressRate, addressBurst = 250, 2500
	// maxLimits bounds the addresses that are remembered.
	maxLimits = 4096
)

// limit is a token bucket; the zero value is full.
type limit struct {
	mu   sync.Mutex
	used float64
	at   time.Time
}

// take takes one of burst tokens, of which rate come back each second.
func (l *limit) take(now time.Time, rate, burst float64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used = max(0, l.used-rate*max(0, now.Sub(l.at).Seconds()))
	l.at = now
	if l.used+1 > burst {
		return false
	}
	l.used++
	return true
}

// limits are the token buckets of client addresses.
type limits struct {
	mu   sync.Mutex
	each map[network.Network]*limit
}

func (ls *limits) of(address string) *limit {
	of := network.Of(address)
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.each[of]; l != nil {
		return l
	}
	if len(ls.each) >= maxLimits || ls.each == nil {
		ls.each = make(map[network.Network]*limit) // this fills all buckets again, and bounds the memory that strangers can use
	}
	l := &limit{}
	ls.each[of] = l
	return l
}

// MayAsk reports whether a request of a visit without clearance may cause one more
// question. v may be nil.
func (t *Table) MayAsk(v *Visit, address string, now time.Time) bool {
	if v != nil && !v.questions.take(now, visitRate, visitBurst) {
		return false
	}
	return t.addresses.of(address).take(now, addressRate, addressBurst)
}
