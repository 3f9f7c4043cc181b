package visits

import (
	"sync"
	"sync/atomic"

	"github.com/secondgate/secondgate/internal/portal"
)

// Renewals inform a visit's open tunnels which of their cookies the portal replaced. It is safe
// for concurrent use.
type Renewals struct {
	mu sync.Mutex
	// any says that there are followers. Without any, Tell returns at once.
	any       atomic.Bool
	followers map[*follower]struct{}
}

type follower struct {
	tell func(sent *portal.Jar, changes []portal.Change)
}

// Follow registers tell, which must not block, to be called for each Tell until remove is
// called.
func (r *Renewals) Follow(tell func(sent *portal.Jar, changes []portal.Change)) (remove func()) {
	f := &follower{tell}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.followers == nil {
		r.followers = make(map[*follower]struct{})
	}
	r.followers[f] = struct{}{}
	r.any.Store(true)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.followers, f)
		r.any.Store(len(r.followers) > 0)
	}
}

// Tell calls the followers with changes of cookies that the browser gets with a response. sent
// are the cookies of the request.
func (r *Renewals) Tell(sent *portal.Jar, changes []portal.Change) {
	if len(changes) == 0 || !r.any.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for f := range r.followers {
		f.tell(sent, changes)
	}
}
