package gateway

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// maxVisits bounds the memory of visits. What is forgotten is read from the store
// again; a visit in use is never forgotten.
const maxVisits = 8192

// Visits is the memory of the visits of one store. It is shared by all sites and
// outlives reloads of the configuration, so that requests of one visit are queued
// together whichever configuration serves them.
type Visits struct {
	store store.Store
	clock func() time.Time

	mu     sync.RWMutex
	visits map[visitKey]*visit
	// begun finds browsers' visits by how their tokens begin: see known.
	begun map[beginning]*visit
	// ends grows with every clearance that ends: what was read before does not count.
	ends    atomic.Uint64
	tunnels tunnels
	seen    seen
}

type visitKey struct {
	realm string
	id    store.VisitID
}

// NewVisits returns an empty memory over st.
func NewVisits(st store.Store, clock func() time.Time) *Visits {
	return &Visits{
		store: st, clock: clock,
		visits: make(map[visitKey]*visit), begun: make(map[beginning]*visit),
		seen: seen{at: make(map[visitKey]time.Time)},
	}
}

// visit is one visit in memory: its standing, its answers, and what runs in it.
type visit struct {
	key   visitKey
	token session.Token
	// pins counts the requests that hold the visit; used is when the last one came.
	pins atomic.Int32
	used atomic.Int64

	loading  sync.Mutex
	standing atomic.Pointer[standing]

	answers portal.Answers
	queue   queue
	beside  beside
	// passes is whether the last who was asked about may pass; it decides only how the
	// visit's requests wait for each other. hands counts how often the visit changed hands
	// in a way that what is open in it must not go on.
	passes atomic.Bool
	hands  atomic.Uint64
	opened atomic.Pointer[opened]
	// watched is what `mode observe` knows; nil in `mode enforce`.
	watched atomic.Pointer[watched]
	// signedIn is who the visit was last seen signed in as; nil for a stranger's.
	signedIn atomic.Pointer[string]
}

// standing is what the store says of a visit's token.
type standing struct {
	// clearance is nil without one.
	clearance *store.Visit
	// died is when the token was rotated away; zero for a living one.
	died time.Time
	// ended is set when the clearance ends before its time.
	ended atomic.Bool
	// seen is the last request, in Unix nanoseconds.
	seen atomic.Int64
	// strays counts the stragglers that were sent back, per request.
	strays strays
}

// opened caches what the last Cookie header opened to.
type opened struct {
	by     uint64 // the number of the gateway that opened it
	header string
	site   string
	secure bool
	jar    *portal.Jar
	stale  []portal.Stale
	until  time.Time
}

// known returns a visit that may be the one of a browser's token, if it is in memory,
// pinned, as get does; else nil. It looks at the token's first bytes only: the caller
// compares all of it.
func (vs *Visits) known(realm string, token session.Token) *visit {
	vs.mu.RLock()
	defer vs.mu.RUnlock()
	v := vs.begun[begin(realm, token)]
	if v != nil {
		v.pins.Add(1)
	}
	return v
}

// get returns the visit of an id, pinned; the caller calls release. The token is empty
// for a visit that has none.
func (vs *Visits) get(realm string, id store.VisitID, token session.Token) *visit {
	key := visitKey{realm, id}
	now := vs.clock().UnixNano()
	vs.mu.RLock()
	v := vs.visits[key]
	if v != nil {
		v.pins.Add(1)
	}
	vs.mu.RUnlock()
	if v != nil {
		v.used.Store(now)
		return v
	}
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if v = vs.visits[key]; v == nil {
		vs.makeRoom()
		v = &visit{key: key, token: token, queue: newQueue()}
		vs.visits[key] = v
		if token != "" {
			vs.begun[begin(realm, token)] = v
		}
	}
	v.pins.Add(1)
	v.used.Store(now)
	return v
}

// beginning is a realm and how a token in it begins.
type beginning struct {
	realm string
	first uint64
}

func begin(realm string, token session.Token) beginning {
	b := beginning{realm: realm}
	if len(token) >= 8 {
		b.first = binary.LittleEndian.Uint64([]byte(token[:8]))
	}
	return b
}

func (v *visit) release() { v.pins.Add(-1) }

// makeRoom forgets the least recently used of a few visits, when there are too many.
func (vs *Visits) makeRoom() {
	if len(vs.visits) < maxVisits {
		return
	}
	var victim *visit
	tried := 0
	for _, v := range vs.visits {
		if v.pins.Load() == 0 && (victim == nil || v.used.Load() < victim.used.Load()) {
			victim = v
		}
		if tried++; tried == 16 {
			break
		}
	}
	if victim != nil {
		delete(vs.visits, victim.key)
		delete(vs.begun, begin(victim.key.realm, victim.token))
	}
}

// standing returns what the store says of the visit, from memory where it can.
func (vs *Visits) standing(ctx context.Context, v *visit) (*standing, error) {
	if st := v.standing.Load(); st != nil {
		return st, nil
	}
	v.loading.Lock()
	defer v.loading.Unlock()
	for {
		if st := v.standing.Load(); st != nil {
			return st, nil
		}
		ends := vs.ends.Load()
		st, err := vs.read(ctx, v)
		if err != nil {
			return nil, err
		}
		v.standing.Store(st)
		// A clearance that ended while it was read must not come back to life, nor for
		// somebody who took it from memory meanwhile.
		if vs.ends.Load() == ends {
			return st, nil
		}
		st.ended.Store(true)
		v.standing.CompareAndSwap(st, nil)
	}
}

func (vs *Visits) read(ctx context.Context, v *visit) (*standing, error) {
	st := &standing{}
	rec, err := vs.store.Visit(ctx, v.key.realm, v.key.id)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	case rec.Dead():
		st.died = rec.At
	default:
		st.clearance = &rec
		v.signedIn.Store(&rec.User)
		st.seen.Store(rec.LastSeen.UnixNano())
	}
	return st, nil
}

// End forgets clearances that were ended in the store by somebody else than their
// visit, as by staff, and closes what was open in them.
func (vs *Visits) End(realm string, ids ...store.VisitID) {
	if len(ids) > 0 {
		vs.forget(realm, ids...)
	}
}

// forget drops what is remembered of these visits after their records changed, and
// closes the tunnels that stood on their clearances.
func (vs *Visits) forget(realm string, ids ...store.VisitID) {
	vs.ends.Add(1)
	vs.mu.RLock()
	for _, id := range ids {
		if v := vs.visits[visitKey{realm, id}]; v != nil {
			if st := v.standing.Swap(nil); st != nil {
				st.ended.Store(true)
			}
			v.answers.Forget()
		}
	}
	vs.mu.RUnlock()
	vs.tunnels.closeEnded()
}
