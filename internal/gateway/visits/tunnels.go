package visits

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// Tunnels are the responses that stay open while nothing is written to them: WebSockets and
// event streams. They are closed when the condition that they were opened under ends: a
// clearance, the visit's user, a policy. Other responses check that condition with every write
// (package gateway) and are not registered here. It is safe for concurrent use.
type Tunnels struct {
	mu   sync.Mutex
	open map[*Tunnel]struct{}
	// changes counts the calls of CloseUnproven; see Changes.
	changes atomic.Uint64
}

// Tunnel is one open response.
type Tunnel struct {
	// Gate is the gate that it was opened at.
	Gate *Gate
	// Visit is nil for a stranger's.
	Visit *Visit
	// User is empty for a stranger.
	User store.UserKey
	// Close ends it; it must not block and may be called more than once.
	Close func()
	// Standing is the standing with the clearance that the tunnel was opened under. It is nil for a
	// user who owes no factor, and for a stranger.
	Standing *Standing
	Policy   session.Policy
	// Ask asks the portal whether the credentials still belong to the user, and closes the tunnel
	// if they don't. It is called once in every interval Every. Nil if the portal is not asked
	// about this tunnel.
	Ask   func()
	Every time.Duration

	asked  time.Time
	asking bool
}

// Add registers a tunnel that opened at the given time; remove takes it out again.
func (ts *Tunnels) Add(t *Tunnel, now time.Time) (remove func()) {
	t.asked = now
	ts.mu.Lock()
	if ts.open == nil {
		ts.open = make(map[*Tunnel]struct{})
	}
	ts.open[t] = struct{}{}
	ts.mu.Unlock()
	if t.Standing != nil && t.Standing.Ended() || t.Standing == nil && t.Gate.Outlived() {
		t.Close() // it ended between the decision and now
	}
	return func() {
		ts.mu.Lock()
		delete(ts.open, t)
		ts.mu.Unlock()
	}
}

func (ts *Tunnels) closeIf(cond func(*Tunnel) bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for t := range ts.open {
		if cond(t) {
			t.Close()
			delete(ts.open, t)
		}
	}
}

// closeEnded closes the tunnels with an ended clearance.
func (ts *Tunnels) closeEnded() {
	ts.closeIf(func(t *Tunnel) bool { return t.Standing != nil && t.Standing.Ended() })
}

// CloseExpired closes the tunnels with an expired clearance.
func (ts *Tunnels) CloseExpired(now time.Time) {
	ts.closeIf(func(t *Tunnel) bool { return t.Standing != nil && !t.Standing.Live(t.Policy, now) })
}

// CloseOf closes the visit's tunnels, because its user changed.
func (ts *Tunnels) CloseOf(v *Visit) {
	ts.closeIf(func(t *Tunnel) bool { return t.Visit != nil && v != nil && t.Visit.Shared == v.Shared })
}

// closeOutlived closes the tunnels without a clearance at gates that were replaced by a stricter
// one.
func (ts *Tunnels) closeOutlived() {
	ts.closeIf(func(t *Tunnel) bool { return t.Standing == nil && t.Gate.Outlived() })
}

// CloseUnproven closes a user's tunnels that were opened without a clearance, because the user
// now owes a factor. Other responses without a clearance detect that by Changes.
func (ts *Tunnels) CloseUnproven(user store.UserKey) {
	ts.changes.Add(1)
	ts.closeIf(func(t *Tunnel) bool { return t.Standing == nil && t.User == user })
}

// Changes is incremented by every call of CloseUnproven. A user who owed nothing at a lower
// value may owe a factor now.
func (ts *Tunnels) Changes() uint64 { return ts.changes.Load() }

// AskDue calls Ask for every tunnel that is due, each in its own goroutine (design rule G5).
func (ts *Tunnels) AskDue(now time.Time) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for t := range ts.open {
		if t.Ask == nil || t.asking || now.Sub(t.asked) < t.Every {
			continue
		}
		t.asking = true
		go ts.ask(t, now)
	}
}

func (ts *Tunnels) ask(t *Tunnel, now time.Time) {
	defer func() {
		if p := recover(); p != nil {
			t.Close() // the user is unknown
		}
		ts.mu.Lock()
		t.asking, t.asked = false, now
		ts.mu.Unlock()
	}()
	t.Ask()
}
