package visits

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// Touch records a request of a cleared visit in memory. The next flush writes it to the store,
// so that no request waits for a write.
func (t *Table) Touch(v *Visit, st *Standing, now time.Time) {
	last := st.seen.Load()
	if n := now.UnixNano(); n > last && st.seen.CompareAndSwap(last, n) && n-last > int64(time.Second) {
		t.seen.note(v.ID, now)
	}
}

// EndClearance ends the visit's clearance, if it has one, and records that with the event, which
// names the user. The visit continues without a clearance.
func (t *Table) EndClearance(ctx context.Context, v *Visit, e store.Event) error {
	return t.end(ctx, v, e, func(tx store.Tx) error { return tx.DeleteVisit(v.ID.Visit) })
}

// EndSession is EndClearance for a visit that ends with its clearance: its token is revoked.
func (t *Table) EndSession(ctx context.Context, v *Visit, e store.Event) error {
	return t.end(ctx, v, e, func(tx store.Tx) error { return session.End(tx, v.ID.Realm, v.ID.Visit, t.clock().UTC()) })
}

func (t *Table) end(ctx context.Context, v *Visit, e store.Event, drop func(store.Tx) error) error {
	if st := v.standing.Load(); st != nil {
		st.end()
	}
	key := store.UserKey{Realm: v.ID.Realm, ID: e.User}
	err := t.store.Update(ctx, key, func(tx store.Tx) error {
		rec, err := tx.Visit(v.ID.Visit)
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && rec.Revoked():
			return nil // gone already, or a tombstone, which stays
		case err != nil && !errors.Is(err, store.ErrCorrupt):
			return err
		}
		if err := tx.Record(e); err != nil {
			return err
		}
		return drop(tx)
	})
	if err != nil {
		// The record is still in the store, so memory must continue to know that the clearance
		// ended.
		v.Answers.Forget()
		t.Tunnels.closeEnded()
		return err
	}
	t.Forget(v.ID.Realm, v.ID.Visit)
	return nil
}

// seen collects the last requests of cleared visits between two flushes.
type seen struct {
	mu sync.Mutex
	at map[ID]time.Time
}

func (s *seen) note(key ID, now time.Time) {
	s.mu.Lock()
	s.at[key] = now
	s.mu.Unlock()
}

// take returns what was collected, by realm.
func (s *seen) take() map[string]map[store.VisitID]time.Time {
	s.mu.Lock()
	at := s.at
	s.at = make(map[ID]time.Time)
	s.mu.Unlock()
	out := make(map[string]map[store.VisitID]time.Time)
	for key, t := range at {
		if out[key.Realm] == nil {
			out[key.Realm] = make(map[store.VisitID]time.Time)
		}
		out[key.Realm][key.Visit] = t
	}
	return out
}

// The intervals of writing last requests to the store and of checking open tunnels.
const (
	flushEvery = time.Minute
	sweepEvery = 5 * time.Second
)

// Run works at intervals until ctx ends. It writes the times of the last requests of cleared
// visits to the store, closes tunnels with an expired clearance, and asks the portal about the
// other tunnels. At the end it writes once more.
func (t *Table) Run(ctx context.Context, failed func(error)) {
	flush, sweep := time.NewTicker(flushEvery), time.NewTicker(sweepEvery)
	defer flush.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			t.flush(context.WithoutCancel(ctx), failed)
			return
		case <-flush.C:
			t.flush(ctx, failed)
		case <-sweep.C:
			t.Tunnels.CloseExpired(t.clock())
			t.Tunnels.AskDue(t.clock())
		}
	}
}

func (t *Table) flush(ctx context.Context, failed func(error)) {
	for realm, seen := range t.seen.take() {
		if err := t.store.Touch(ctx, realm, seen); err != nil {
			failed(err)
		}
	}
}
