package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// tunnels are the open WebSockets and event streams. They are closed when that ends on
// which they were opened: a clearance, or whose the visit was.
type tunnels struct {
	mu   sync.Mutex
	open map[*tunnel]struct{}
}

type tunnel struct {
	// visit is nil for a stranger's.
	visit *visit
	user  store.UserKey
	close context.CancelFunc
	// st is the clearance it stands on; nil for somebody who owes nothing.
	st     *standing
	policy session.Policy
}

func (ts *tunnels) add(t *tunnel) (remove func()) {
	ts.mu.Lock()
	if ts.open == nil {
		ts.open = make(map[*tunnel]struct{})
	}
	ts.open[t] = struct{}{}
	ts.mu.Unlock()
	if t.st != nil && t.st.ended.Load() {
		t.close() // it ended between the verdict and now
	}
	return func() {
		ts.mu.Lock()
		delete(ts.open, t)
		ts.mu.Unlock()
	}
}

func (ts *tunnels) closeIf(cond func(*tunnel) bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for t := range ts.open {
		if cond(t) {
			t.close()
			delete(ts.open, t)
		}
	}
}

// closeEnded closes those whose clearance was ended.
func (ts *tunnels) closeEnded() {
	ts.closeIf(func(t *tunnel) bool { return t.st != nil && t.st.ended.Load() })
}

// closeExpired closes those whose clearance ran out.
func (ts *tunnels) closeExpired(now time.Time) {
	ts.closeIf(func(t *tunnel) bool { return t.st != nil && !t.st.live(t.policy, now) })
}

// closeOf closes a visit's: it is somebody else's now, or nobody's.
func (ts *tunnels) closeOf(v *visit) {
	ts.closeIf(func(t *tunnel) bool { return t.visit == v })
}

// closeUnproven closes a user's tunnels that stand on no clearance: the user owes a
// factor now.
func (ts *tunnels) closeUnproven(user store.UserKey) {
	ts.closeIf(func(t *tunnel) bool { return t.st == nil && t.user == user })
}
