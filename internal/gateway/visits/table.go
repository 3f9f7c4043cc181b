// Package visits keeps the state of browsers' visits in memory: the standing of each token in the
// store, the portal's answers, the requests that run, and the responses that are open.
//
// A [Table] is shared by all sites of a store and outlives reloads of the configuration. Package
// gateway calls it for every request. It makes no decision about who may pass.
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

// maxVisits bounds the visits in memory. A visit that was removed is read from the store again;
// a visit in use is never removed.
const maxVisits = 8192

// Table is the memory of the visits of one store. It is safe for concurrent use.
type Table struct {
	store store.Store
	clock func() time.Time
	// began is when the process began to remember visits.
	began time.Time

	mu     sync.RWMutex
	visits map[ID]*Visit
	// begun finds visits by the first bytes of their tokens; see Known.
	begun map[beginning]*Visit
	// ends is incremented whenever a clearance ends. What was read from the store before that is
	// not used.
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

// Known returns the visit in memory with a token that begins like this one, pinned as by Get; else
// nil. It compares the token's first eight bytes only, so the caller must compare the whole token.
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
// until settle after the start, and its responses are checked for some longer.
func (t *Table) Resume(realm string, id store.VisitID, token session.Token, settle time.Duration) *Visit {
	v, known := t.get(realm, id, token)
	if known || settle <= 0 {
		return v
	}
	if now := t.clock(); now.Before(t.began.Add(max(settle, unknownTime))) {
		v.Settle(t.began, settle)
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

// beginning is a realm and the first eight bytes of a token in it.
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

// Use records the time of a request of the visit.
func (v *Visit) Use(now time.Time) { v.used.Store(now.UnixNano()) }

// Move adds a visit for a fresh token. It shares the state of old ([Shared]).
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

// makeRoom removes the least recently used of a sample of visits if there are too many. Visits
// with changes that wait for a page are removed last, because with them a user's session would
// be lost, and because a stranger can make up any number of tokens.
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

// Standing returns the standing of the visit's token. It reads the store if the standing is not in
// memory.
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
		// A clearance that ended while it was read must not be used, also not by another request
		// that read it from memory in the meantime.
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
	case rec.Revoked():
		st.RevokedAt, st.SessionEnded = rec.At, rec.SessionEnded
	default:
		st.Clearance = &rec
		v.SignedIn.Store(&rec.User)
		st.seen.Store(rec.LastSeen.UnixNano())
	}
	return st, nil
}

// End removes clearances from memory that were ended in the store from outside their visit, for
// example by staff. It closes the tunnels and streams that were open with them.
func (t *Table) End(realm string, ids ...store.VisitID) {
	if len(ids) > 0 {
		t.Forget(realm, ids...)
	}
}

// Forget is called after the records of these visits changed. It drops their standings and answers
// from memory, and closes the tunnels that depend on their clearances.
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

// EndUser is End for a user after all sessions were ended. It also closes tunnels and streams
// that the user opened without a clearance.
func (t *Table) EndUser(user store.UserKey, ids ...store.VisitID) {
	t.End(user.Realm, ids...)
	t.Tunnels.CloseUnproven(user)
}

// CloseUnproven closes a user's tunnels that were opened without a clearance. It is called when
// the user got a factor by other means than a request.
func (t *Table) CloseUnproven(user store.UserKey) { t.Tunnels.CloseUnproven(user) }
