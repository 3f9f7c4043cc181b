package records

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

// Visit implements store.Store.
func (d *DB) Visit(ctx context.Context, realm string, id store.VisitID) (store.Visit, error) {
	return view(ctx, d, func(r kv.Reader) (store.Visit, error) {
		return d.liveVisit(r, realm, id, func(key store.UserKey) ([]clearance, error) { return d.clearances(r, key) })
	})
}

// Visits implements store.Store.
func (d *DB) Visits(ctx context.Context, key store.UserKey) ([]store.Visit, error) {
	visits, err := view(ctx, d, func(r kv.Reader) ([]store.Visit, error) { return d.cleared(r, key) })
	slices.SortFunc(visits, func(a, b store.Visit) int {
		return cmp.Or(b.At.Compare(a.At), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return visits, err
}

// touchBatch is how many visits one transaction touches.
const touchBatch = 200

// Touch implements store.Store. A visit that can't be read does not keep the
// others from being touched.
func (d *DB) Touch(ctx context.Context, realm string, seen map[store.VisitID]time.Time) error {
	var damaged error
	for batch := range slices.Chunk(slices.Collect(maps.Keys(seen)), touchBatch) {
		var found error
		err := d.engine.Update(ctx, "", func(w kv.Tx) (err error) {
			found, err = d.touch(w, realm, batch, seen)
			return err
		})
		if err != nil {
			return err
		}
		damaged = errors.Join(damaged, found)
	}
	return damaged
}

// touch returns errors about damaged visits apart from one that ends the batch.
func (d *DB) touch(w kv.Tx, realm string, ids []store.VisitID, seen map[store.VisitID]time.Time) (damaged, err error) {
	for _, id := range ids {
		v, err := d.getVisit(w, realm, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			continue
		case errors.Is(err, store.ErrCorrupt):
			damaged = errors.Join(damaged, err)
			continue
		case err != nil:
			return damaged, err
		}
		if v.Revoked() || !seen[id].After(v.LastSeen) {
			continue
		}
		v.LastSeen = seen[id]
		key := visitKey(realm, id)
		d.set(w, key, visitForm.encode(key, &v), v.Expires)
	}
	return damaged, nil
}
