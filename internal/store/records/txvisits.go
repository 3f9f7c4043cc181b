package records

import (
	"errors"
	"slices"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// maxDeletes bounds how many records EndVisits deletes itself, well below what one
// transaction can hold. Clearances beyond are ended like the others, for the list no
// longer names them; their records wait until they expire.
const maxDeletes = 1000

// Visit implements store.Tx.
func (t *tx) Visit(id store.VisitID) (store.Visit, error) {
	return t.db.liveVisit(t, t.key.Realm, id, func(key store.UserKey) ([]clearance, error) {
		if key == t.key {
			return t.clearances()
		}
		return t.db.clearances(t, key)
	})
}

// PutVisit implements store.Tx.
func (t *tx) PutVisit(v store.Visit) error {
	switch {
	case v.Realm != t.key.Realm || !v.Revoked() && v.User != t.key.ID:
		return t.fail(errors.New("writing a visit of another realm or user than the transaction's"))
	case v.Expires.IsZero():
		return t.fail(errors.New("writing a visit without an end"))
	}
	key := visitKey(v.Realm, v.ID)
	if err := t.notice(key); err != nil {
		return err
	}
	t.set(key, visitForm.encode(key, &v), v.Expires)
	if v.Revoked() {
		return nil
	}
	list, err := t.clearances()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(c clearance) bool { return c.id == v.ID })
	t.putClearances(append(list, clearance{v.ID, v.Expires}))
	return nil
}

// DeleteVisit implements store.Tx.
func (t *tx) DeleteVisit(id store.VisitID) error {
	key := visitKey(t.key.Realm, id)
	if err := t.notice(key); err != nil {
		return err
	}
	t.Delete(key)
	return nil
}

// notice makes a change of this record by others, until this one is committed, a
// conflict.
func (t *tx) notice(key []byte) error {
	_, err := t.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return t.fail(err)
}

// EndVisits implements store.Tx.
func (t *tx) EndVisits(except ...store.VisitID) (ended []store.VisitID, err error) {
	list, err := t.clearances()
	if err != nil || len(list) == 0 {
		return nil, err
	}
	var stay []clearance
	for _, c := range list {
		if slices.Contains(except, c.id) {
			stay = append(stay, c)
			continue
		}
		v, err := t.db.getVisit(t, t.key.Realm, c.id)
		if errors.Is(err, store.ErrNotFound) || err == nil && v.User != t.key.ID {
			continue
		}
		// One that can't be read ends with the others.
		if err != nil && !errors.Is(err, store.ErrCorrupt) {
			return nil, t.fail(err)
		}
		if len(ended) < maxDeletes {
			t.Delete(visitKey(t.key.Realm, c.id))
		}
		ended = append(ended, c.id)
	}
	t.putClearances(stay)
	return ended, nil
}

// clearances returns the list that is about to be changed. One that can't be read
// counts as empty: it clears no visit, and the next code starts a new one.
func (t *tx) clearances() ([]clearance, error) {
	if t.listed {
		return t.list, nil
	}
	list, err := t.db.clearances(t, t.key)
	if errors.Is(err, store.ErrCorrupt) {
		t.db.log.Error("a user's list of clearances can't be read; all of them end", zap.Error(err))
		t.changed, list, err = true, nil, nil
	}
	if err != nil {
		return nil, t.fail(err)
	}
	t.list, t.listed = list, true
	return list, nil
}

// putClearances replaces the list.
func (t *tx) putClearances(list []clearance) {
	t.list, t.listed, t.changed = list, true, true
}

// writeClearances ends the transaction's changes to the list.
func (t *tx) writeClearances() {
	key := clearancesKey(t.key)
	if len(t.list) == 0 {
		t.Delete(key)
		return
	}
	last := slices.MaxFunc(t.list, func(a, b clearance) int { return a.expires.Compare(b.expires) })
	t.set(key, clearancesForm.encode(key, &t.list), last.expires)
}
