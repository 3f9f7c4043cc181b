package records

import (
	"errors"
	"fmt"
	"slices"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

// get reads the record under key and decodes it, or returns store.ErrNotFound. An
// error that says store.ErrCorrupt names the record as what does.
func get[T any](r kv.Reader, key []byte, what func() string, decode func(key, record []byte) (T, error)) (T, error) {
	var none T
	record, err := r.Get(key)
	if err != nil {
		return none, err
	}
	value, err := decode(key, record)
	if err != nil {
		return none, fmt.Errorf("%w: %s: %w", store.ErrCorrupt, what(), err)
	}
	return value, nil
}

// getUser reads a user. Where the engine knows of damage, one that is not found may be hidden
// by it, and with it a second factor: that is store.ErrCorrupt too.
func (d *DB) getUser(r kv.Reader, key store.UserKey) (store.User, error) {
	u, err := get(r, userKey(key), func() string { return nameUser(key) }, userForm.decode)
	if err == nil && u.Key != key {
		u, err = store.User{}, fmt.Errorf("%w: %s: holds another user", store.ErrCorrupt, nameUser(key))
	}
	if damage := d.engine.Damage(); damage != nil && errors.Is(err, store.ErrNotFound) {
		return u, fmt.Errorf("%w: %s is not found, and may be hidden by damage: %w", store.ErrCorrupt, nameUser(key), damage)
	}
	if errors.Is(err, store.ErrCorrupt) {
		return u, fmt.Errorf("%w; restore the store from a backup, this user is refused until then", err)
	}
	return u, err
}

// getVisit reads a visit that has not expired: a clearance, one that was ended, or a revoked
// token.
func (d *DB) getVisit(r kv.Reader, realm string, id store.VisitID) (store.Visit, error) {
	what := func() string { return fmt.Sprintf("visit %x in realm %q", id[:4], brief(realm)) }
	v, err := get(r, visitKey(realm, id), what, visitForm.decode)
	if err != nil {
		return store.Visit{}, err
	}
	if d.over(v.Expires) {
		return store.Visit{}, store.ErrNotFound
	}
	v.Realm, v.ID = realm, id
	return v, nil
}

// liveVisit reads a visit that is a revoked token, or a clearance that its user's list names.
func (d *DB) liveVisit(r kv.Reader, realm string, id store.VisitID, list lister) (store.Visit, error) {
	v, err := d.getVisit(r, realm, id)
	if err != nil || v.Revoked() {
		return v, err
	}
	clearances, err := list(store.UserKey{Realm: realm, ID: v.User})
	if err != nil {
		return store.Visit{}, err
	}
	if !slices.ContainsFunc(clearances, func(c clearance) bool { return c.id == id }) {
		return store.Visit{}, store.ErrNotFound
	}
	return v, nil
}

// lister finds a user's list of clearances.
type lister func(key store.UserKey) ([]clearance, error)

// clearances reads the list of visits that may have a clearance of the user. It may contain
// visits that were removed or now belong to another user. It lacks none.
func (d *DB) clearances(r kv.Reader, key store.UserKey) ([]clearance, error) {
	what := func() string { return "clearances of " + nameUser(key) }
	list, err := get(r, clearancesKey(key), what, clearancesForm.decode)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(c clearance) bool { return d.over(c.expires) }), nil
}

// cleared reads the visits that are clearances of the user.
func (d *DB) cleared(r kv.Reader, key store.UserKey) (visits []store.Visit, err error) {
	list, err := d.clearances(r, key)
	if err != nil {
		return nil, err
	}
	for _, c := range list {
		v, err := d.getVisit(r, key.Realm, c.id)
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

// brief shortens very long names in errors.
func brief(s string) string {
	if len(s) <= 64 {
		return s
	}
	return s[:64] + "…"
}
