package gateway

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// live reports whether the standing is a clearance that counts now.
func (st *standing) live(p session.Policy, now time.Time) bool {
	if st == nil || st.clearance == nil || st.ended.Load() {
		return false
	}
	return p.Live(st.clearance, time.Unix(0, st.seen.Load()), now)
}

// live reports whether the visit has a clearance that counts at the time of the
// request. Time is looked at once; a clearance that ended is seen at once.
func (x *exchange) live() bool {
	if x.timed != x.st {
		x.timed, x.inTime = x.st, x.st.live(x.g.Session, x.now)
	}
	return x.inTime && !x.st.ended.Load()
}

// touch notes a request of a cleared visit. The store learns of it with the next
// flush, so that the way of a request has no write in it.
func (vs *Visits) touch(v *visit, st *standing, now time.Time) {
	last := st.seen.Load()
	if n := now.UnixNano(); n > last && st.seen.CompareAndSwap(last, n) && n-last > int64(time.Second) {
		vs.seen.note(v.key, now)
	}
}

// endClearance ends the visit's clearance, if it still has one, and records that with
// the event, which names the user.
func (vs *Visits) endClearance(ctx context.Context, v *visit, e store.Event) error {
	key := store.UserKey{Realm: v.key.realm, ID: e.User}
	err := vs.store.Update(ctx, key, func(tx store.Tx) error {
		rec, err := tx.Visit(v.key.id)
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && rec.Dead():
			return nil // gone already, or a tombstone, which stays
		case err != nil && !errors.Is(err, store.ErrCorrupt):
			return err
		}
		if err := tx.Record(e); err != nil {
			return err
		}
		return tx.DeleteVisit(v.key.id)
	})
	if err != nil {
		// The record is still there, so memory must go on knowing that it ended.
		v.answers.Forget()
		vs.tunnels.closeEnded()
		return err
	}
	vs.forget(v.key.realm, v.key.id)
	return nil
}

// holdsAll reports whether have contains every element of want; both are sorted.
func holdsAll(have, want []uint64) bool {
	for _, w := range want {
		if _, ok := slices.BinarySearch(have, w); !ok {
			return false
		}
	}
	return true
}

// seen collects the last requests of cleared visits between two flushes.
type seen struct {
	mu sync.Mutex
	at map[visitKey]time.Time
}

func (s *seen) note(key visitKey, now time.Time) {
	s.mu.Lock()
	s.at[key] = now
	s.mu.Unlock()
}

// take returns what was collected, by realm.
func (s *seen) take() map[string]map[store.VisitID]time.Time {
	s.mu.Lock()
	at := s.at
	s.at = make(map[visitKey]time.Time)
	s.mu.Unlock()
	out := make(map[string]map[store.VisitID]time.Time)
	for key, t := range at {
		if out[key.realm] == nil {
			out[key.realm] = make(map[store.VisitID]time.Time)
		}
		out[key.realm][key.id] = t
	}
	return out
}

// How often the memory is written down and open tunnels are looked at.
const (
	flushEvery = time.Minute
	sweepEvery = 5 * time.Second
)

// Run flushes the last requests of cleared visits to the store and closes tunnels
// whose clearance ran out, until ctx ends; then it flushes once more.
func (vs *Visits) Run(ctx context.Context, failed func(error)) {
	flush, sweep := time.NewTicker(flushEvery), time.NewTicker(sweepEvery)
	defer flush.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			vs.flush(context.WithoutCancel(ctx), failed)
			return
		case <-flush.C:
			vs.flush(ctx, failed)
		case <-sweep.C:
			vs.tunnels.closeExpired(vs.clock())
		}
	}
}

func (vs *Visits) flush(ctx context.Context, failed func(error)) {
	for realm, seen := range vs.seen.take() {
		if err := vs.store.Touch(ctx, realm, seen); err != nil {
			failed(err)
		}
	}
}
