package badger

import (
	"errors"
	"fmt"

	engine "github.com/dgraph-io/badger/v4"

	"github.com/secondgate/secondgate/internal/store"
)

// get reads the record under key and decodes it, or returns store.ErrNotFound. An
// error that says store.ErrCorrupt names the record as what does.
func get[T any](txn *engine.Txn, key []byte, what func() string, decode func(key, record []byte) (T, error)) (T, error) {
	var value T
	item, err := txn.Get(key)
	if err != nil {
		return value, engineError(err)
	}
	err = item.Value(func(record []byte) error {
		value, err = decode(key, record)
		return err
	})
	if err != nil {
		var none T
		return none, fmt.Errorf("%w: %s: %w", store.ErrCorrupt, what(), err)
	}
	return value, nil
}

func getUser(txn *engine.Txn, key store.UserKey) (store.User, error) {
	u, err := get(txn, userKey(key), func() string { return nameUser(key) }, decodeUser)
	if err == nil && u.Key != key {
		u, err = store.User{}, fmt.Errorf("%w: %s: holds another user", store.ErrCorrupt, nameUser(key))
	}
	if errors.Is(err, store.ErrCorrupt) {
		return u, fmt.Errorf("%w; restore the store from a backup, this user is refused until then", err)
	}
	return u, err
}

// getVisit reads a visit that has not expired, be it cleared, ended or dead.
func (d *DB) getVisit(txn *engine.Txn, realm string, id store.VisitID) (store.Visit, error) {
	what := func() string { return fmt.Sprintf("visit %x in realm %q", id[:4], brief(realm)) }
	v, err := get(txn, visitKey(realm, id), what, decodeVisit)
	if err != nil {
		return store.Visit{}, err
	}
	if d.over(v.Expires) {
		return store.Visit{}, store.ErrNotFound
	}
	v.Realm, v.ID = realm, id
	return v, nil
}

// liveVisit reads a visit that is a dead token, or a clearance that its user's list
// names.
func (d *DB) liveVisit(txn *engine.Txn, realm string, id store.VisitID, list lister) (store.Visit, error) {
	v, err := d.getVisit(txn, realm, id)
	if err != nil || v.Dead() {
		return v, err
	}
	clearances, err := list(store.UserKey{Realm: realm, ID: v.User})
	if err != nil {
		return store.Visit{}, err
	}
	for _, c := range clearances {
		if c.id == id {
			return v, nil
		}
	}
	return store.Visit{}, store.ErrNotFound
}

// lister finds a user's list of clearances.
type lister func(key store.UserKey) ([]clearance, error)

// clearances reads which visits a user's clearances may be held by. Lines may be
// left of visits that are gone or became another's; none is missing.
func (d *DB) clearances(txn *engine.Txn, key store.UserKey) ([]clearance, error) {
	what := func() string { return "clearances of " + nameUser(key) }
	list, err := get(txn, clearancesKey(key), what, decodeClearances)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	live := list[:0]
	for _, c := range list {
		if !d.over(c.expires) {
			live = append(live, c)
		}
	}
	return live, nil
}

// cleared reads the visits in list that are clearances of the user.
func (d *DB) cleared(txn *engine.Txn, key store.UserKey, list []clearance) ([]store.Visit, error) {
	var visits []store.Visit
	for _, c := range list {
		v, err := d.getVisit(txn, key.Realm, c.id)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return nil, err
		case v.User == key.ID:
			visits = append(visits, v)
		}
	}
	return visits, nil
}

func nameUser(key store.UserKey) string {
	return fmt.Sprintf("user %q in realm %q", brief(key.ID), brief(key.Realm))
}

// brief keeps absurd names out of errors.
func brief(s string) string {
	if len(s) <= 64 {
		return s
	}
	return s[:64] + "…"
}
