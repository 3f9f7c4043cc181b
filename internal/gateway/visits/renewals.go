package visits

import (
	"sync"
	"sync/atomic"

	"github.com/secondgate/secondgate/internal/portal"
)

// Renewals tell a visit's open tunnels which cookies the portal set in place of others. It
// is safe for concurrent use.
type Renewals struct {
	mu sync.Mutex
	// any says that there are followers; without, Tell costs nothing.
	any       atomic.Bool
	followers map[*follower]struct{}
}

type follower struct {
	tell func(sent *portal.Jar, changes []portal.Change)
}

// Follow calls tell, which must not block, for each Tell until remove.
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

// Tell says that the browser gets these changes with the response to a request that it
// sent with the cookies of sent.
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
