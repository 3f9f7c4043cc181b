package badger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	engine "github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// Visit implements store.Store.
func (d *DB) Visit(ctx context.Context, realm string, id store.VisitID) (v store.Visit, err error) {
	err = d.view(ctx, func(txn *engine.Txn) error {
		v, err = d.liveVisit(txn, realm, id)
		return err
	})
	return v, err
}

// Visits implements store.Store.
func (d *DB) Visits(ctx context.Context, key store.UserKey) (visits []store.Visit, err error) {
	err = d.view(ctx, func(txn *engine.Txn) error {
		list, err := d.clearances(txn, key)
		if err != nil {
			return err
		}
		visits, err = d.cleared(txn, key, list)
		return err
	})
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
	leave, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	ids := make([]store.VisitID, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	var damaged error
	for batch := range slices.Chunk(ids, touchBatch) {
		var found error
		err := d.write(ctx, func(txn *engine.Txn) error {
			found, err = d.touch(txn, realm, batch, seen)
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
func (d *DB) touch(txn *engine.Txn, realm string, ids []store.VisitID, seen map[store.VisitID]time.Time) (damaged, err error) {
	for _, id := range ids {
		v, err := d.getVisit(txn, realm, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			continue
		case errors.Is(err, store.ErrCorrupt):
			damaged = errors.Join(damaged, err)
			continue
		case err != nil:
			return damaged, err
		}
		if v.Dead() || !seen[id].After(v.LastSeen) {
			continue
		}
		v.LastSeen = seen[id]
		key := visitKey(realm, id)
		if err := d.set(txn, key, encodeVisit(key, &v), v.Expires); err != nil {
			return damaged, err
		}
	}
	return damaged, nil
}

// maxDeletes bounds how many records EndVisits deletes itself, well below what one
// of Badger's transactions can hold. Clearances beyond are ended like the others,
// for the list no longer names them; their records wait until they expire.
const maxDeletes = 1000

// Visit implements store.Tx.
func (t *tx) Visit(id store.VisitID) (store.Visit, error) {
	return t.db.liveVisit(t.txn, t.key.Realm, id)
}

// PutVisit implements store.Tx.
func (t *tx) PutVisit(v store.Visit) error {
	switch {
	case v.Realm != t.key.Realm || !v.Dead() && v.User != t.key.ID:
		return t.fail(errors.New("writing a visit of another realm or user than the transaction's"))
	case v.Expires.IsZero():
		return t.fail(errors.New("writing a visit without an end"))
	}
	key := visitKey(v.Realm, v.ID)
	if err := t.notice(key); err != nil {
		return err
	}
	if err := t.set(key, encodeVisit(key, &v), v.Expires); err != nil {
		return err
	}
	if v.Dead() {
		return nil
	}
	list, err := t.clearances()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(c clearance) bool { return c.id == v.ID })
	return t.putClearances(append(list, clearance{v.ID, v.Expires}))
}

// DeleteVisit implements store.Tx.
func (t *tx) DeleteVisit(id store.VisitID) error {
	key := visitKey(t.key.Realm, id)
	if err := t.notice(key); err != nil {
		return err
	}
	return t.delete(key)
}

// notice makes a change of this record by others, until this one is committed, a
// conflict.
func (t *tx) notice(key []byte) error {
	_, err := t.txn.Get(key)
	if errors.Is(err, engine.ErrKeyNotFound) {
		return nil
	}
	return t.fail(engineError(err))
}

// EndVisits implements store.Tx.
func (t *tx) EndVisits(except ...store.VisitID) ([]store.VisitID, error) {
	list, err := t.clearances()
	if err != nil {
		return nil, err
	}
	var stay, leave []clearance
	for _, c := range list {
		if slices.Contains(except, c.id) {
			stay = append(stay, c)
			continue
		}
		leave = append(leave, c)
	}
	ended, err := t.end(leave)
	if err != nil {
		return nil, err
	}
	return ended, t.putClearances(stay)
}

// end deletes these clearances' records and returns which there were.
func (t *tx) end(leave []clearance) ([]store.VisitID, error) {
	var ended []store.VisitID
	for _, c := range leave {
		v, err := t.db.getVisit(t.txn, t.key.Realm, c.id)
		if errors.Is(err, store.ErrNotFound) || err == nil && v.User != t.key.ID {
			continue
		}
		// One that can't be read ends with the others.
		if err != nil && !errors.Is(err, store.ErrCorrupt) {
			return nil, t.fail(err)
		}
		if len(ended) < maxDeletes {
			if err := t.delete(visitKey(t.key.Realm, c.id)); err != nil {
				return nil, err
			}
		}
		ended = append(ended, c.id)
	}
	return ended, nil
}

// clearances reads the list that is about to be rewritten. One that can't be read
// counts as empty: nobody is cleared by it, and the next code starts a new one.
func (t *tx) clearances() ([]clearance, error) {
	list, err := t.db.clearances(t.txn, t.key)
	if errors.Is(err, store.ErrCorrupt) {
		t.db.log.Error("a user's list of clearances can't be read; all of them end", zap.Error(err))
		return nil, nil
	}
	return list, t.fail(err)
}

func (t *tx) putClearances(list []clearance) error {
	key := clearancesKey(t.key)
	if len(list) == 0 {
		return t.delete(key)
	}
	var end time.Time
	for _, c := range list {
		if c.expires.After(end) {
			end = c.expires
		}
	}
	return t.set(key, encodeClearances(key, list), end)
}
