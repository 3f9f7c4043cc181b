// Package visits is the memory of browsers' visits: for each, what the store says of its
// token, the portal's answers, which of its requests run, and what is open in it.
//
// A [Table] is shared by all sites of a store and outlives reloads of the configuration.
// Package gateway calls it for every request; nothing in it decides who may pass.
package visits

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/gateway/spool"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// maxVisits bounds the memory of visits. What is forgotten is read from the store
// again; a visit in use is never forgotten.
const maxVisits = 8192

// Table is the memory of the visits of one store. It is safe for concurrent use.
type Table struct {
	store store.Store
	clock func() time.Time
	// began is when the process began to remember visits.
	began time.Time

	mu     sync.RWMutex
	visits map[ID]*Visit
	// begun finds browsers' visits by how their tokens begin: see known.
	begun map[beginning]*Visit
	// ends grows with every clearance that ends: what was read before does not count.
	ends atomic.Uint64
	// Tunnels are the open WebSockets and event streams of all visits.
	Tunnels Tunnels
	// Bodies bounds what is kept of strangers' requests and of responses that wait for
	// their check; Uploads bounds request bodies of users who may pass.
	Bodies, Uploads *spool.Budget
	// addresses bounds the questions that one client address causes.
	addresses limits
	gates     gates
	seen      seen
	// Names are the cookies of the portals that may carry a session.
	Names Names
}

// ID names a visit: its realm and the digest of its token.
type ID struct {
	Realm string
	Visit store.VisitID
}

// New returns an empty memory over st.
func New(st store.Store, clock func() time.Time) *Table {
	return &Table{
		store: st, clock: clock, began: clock(),
		visits: make(map[ID]*Visit), begun: make(map[beginning]*Visit),
		seen:   seen{at: make(map[ID]time.Time)},
		Bodies: spool.NewBudget(), Uploads: uploads(),
	}
}

// uploads is the budget of users who may pass: mostly files, since large bodies go there.
func uploads() *spool.Budget {
	return &spool.Budget{Memory: 256 << 20, Disk: 64 << 30, AddressMemory: 64 << 20, AddressDisk: 16 << 30, Room: spool.Room}
}

// Known returns a visit that may be the one of a browser's token, if it is in memory,
// pinned, as Get does; else nil. It looks at the token's first bytes only: the caller
// compares all of it.
func (t *Table) Known(realm string, token session.Token) *Visit {
	t.mu.RLock()
	defer t.mu.RUnlock()
	v := t.begun[begin(realm, token)]
	if v != nil {
		v.pins.Add(1)
	}
	return v
}

// unknownTime is for how long after the start the responses of visits from before are checked:
// requests that an earlier process forwarded may still be at the portal. It is the time that
// the gate gives a portal to finish a request.
const unknownTime = 30 * time.Second

// Resume is Get for a visit that the browser names. If this process does not know it, an earlier
// one may have forwarded a sign-in for it that the portal saves only now: the visit is unsettled
// until settle after the start, and its responses are checked for some longer. unchecked is as in
// Settle.
func (t *Table) Resume(realm string, id store.VisitID, token session.Token, settle time.Duration, unchecked bool) *Visit {
	v, known := t.get(realm, id, token)
	if known || settle <= 0 {
		return v
	}
	if now := t.clock(); now.Before(t.began.Add(max(settle, unknownTime))) {
		v.Settle(t.began, settle, unchecked)
		raise(&v.slow, t.began.Add(unknownTime).UnixNano())
	}
	return v
}

// Get returns the visit of an id, pinned; the caller calls Release. The token is empty
// for a visit that has none.
func (t *Table) Get(realm string, id store.VisitID, token session.Token) *Visit {
	v, _ := t.get(realm, id, token)
	return v
}

// get is Get; known reports whether the visit was in memory.
func (t *Table) get(realm string, id store.VisitID, token session.Token) (v *Visit, known bool) {
	key := ID{realm, id}
	now := t.clock().UnixNano()
	t.mu.RLock()
	v = t.visits[key]
	if v != nil {
		v.pins.Add(1)
	}
	t.mu.RUnlock()
	if v != nil {
		v.used.Store(now)
		return v, true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	v = t.visits[key]
	if known = v != nil; !known {
		t.makeRoom()
		v = &Visit{ID: key, Token: token, Shared: newShared()}
		t.visits[key] = v
		if token != "" {
			t.begun[begin(realm, token)] = v
		}
	}
	v.pins.Add(1)
	v.used.Store(now)
	return v, known
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

// Release ends the use of a visit.
func (v *Visit) Release() { v.pins.Add(-1) }

// Pin makes sure that the visit is not forgotten until Release.
func (v *Visit) Pin() { v.pins.Add(1) }

// Use notes that a request of the visit came.
func (v *Visit) Use(now time.Time) { v.used.Store(now.UnixNano()) }

// Move makes the visit of a fresh token share what is known of the old one.
func (t *Table) Move(old *Visit, token session.Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.makeRoom()
	v := &Visit{ID: ID{old.ID.Realm, token.ID()}, Token: token, Shared: old.Shared}
	v.used.Store(t.clock().UnixNano())
	t.visits[v.ID] = v
	t.begun[begin(v.ID.Realm, token)] = v
}

// Find returns the visit of an id, pinned, if it is in memory; else nil.
func (t *Table) Find(realm string, id store.VisitID) *Visit {
	t.mu.RLock()
	defer t.mu.RUnlock()
	v := t.visits[ID{realm, id}]
	if v != nil {
		v.Pin()
	}
	return v
}

// makeRoom forgets the least recently used of a few visits, when there are too many. Those
// with changes that wait for a page come last: with them a user's session would be lost, and
// a stranger makes up as many tokens as he likes.
func (t *Table) makeRoom() {
	if len(t.visits) < maxVisits {
		return
	}
	var victim *Visit
	now, tried := t.clock(), 0
	short := len(t.visits) >= 2*maxVisits
	for _, v := range t.visits {
		if !v.inUse(now, short) && (victim == nil || v.before(victim)) {
			victim = v
		}
		if tried++; tried == 16 {
			break
		}
	}
	if victim != nil {
		delete(t.visits, victim.ID)
		delete(t.begun, begin(victim.ID.Realm, victim.Token))
	}
}

// Standing returns what the store says of the visit, from memory where it can.
func (t *Table) Standing(ctx context.Context, v *Visit) (*Standing, error) {
	if st := v.standing.Load(); st != nil {
		return st, nil
	}
	v.loading.Lock()
	defer v.loading.Unlock()
	for {
		if st := v.standing.Load(); st != nil {
			return st, nil
		}
		ends := t.ends.Load()
		st, err := t.read(ctx, v)
		if err != nil {
			return nil, err
		}
		v.standing.Store(st)
		// A clearance that ended while it was read must not come back to life, nor for
		// somebody who took it from memory meanwhile.
		if t.ends.Load() == ends {
			return st, nil
		}
		st.end()
		v.standing.CompareAndSwap(st, nil)
	}
}

func (t *Table) read(ctx context.Context, v *Visit) (*Standing, error) {
	st := &Standing{}
	rec, err := t.store.Visit(ctx, v.ID.Realm, v.ID.Visit)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	case rec.Dead():
		st.Died, st.Over = rec.At, rec.Over
	default:
		st.Clearance = &rec
		v.SignedIn.Store(&rec.User)
		st.seen.Store(rec.LastSeen.UnixNano())
	}
	return st, nil
}

// End forgets clearances that were ended in the store by somebody else than their
// visit, as by staff, and closes what was open in them.
func (t *Table) End(realm string, ids ...store.VisitID) {
	if len(ids) > 0 {
		t.Forget(realm, ids...)
	}
}

// Forget drops what is remembered of these visits after their records changed, and
// closes the tunnels that stood on their clearances.
func (t *Table) Forget(realm string, ids ...store.VisitID) {
	t.ends.Add(1)
	t.mu.RLock()
	for _, id := range ids {
		if v := t.visits[ID{realm, id}]; v != nil {
			if st := v.standing.Swap(nil); st != nil {
				st.end()
			}
			v.Answers.Forget()
		}
	}
	t.mu.RUnlock()
	t.Tunnels.closeEnded()
}

// EndUser is End for a user whose sessions were all ended: what was opened without a
// clearance is closed, too.
func (t *Table) EndUser(user store.UserKey, ids ...store.VisitID) {
	t.End(user.Realm, ids...)
	t.Tunnels.CloseUnproven(user)
}

// CloseUnproven closes a user's tunnels that were opened without clearance, when
// something else than a request gave the user a factor.
func (t *Table) CloseUnproven(user store.UserKey) { t.Tunnels.CloseUnproven(user) }
