package records

import (
	"bytes"
	"context"
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

// keysOf selects the keys of all records of a kind.
func keysOf(kind byte) kv.Range {
	scan := kv.Prefix([]byte{kind})
	scan.KeysOnly = true
	return scan
}

// CountUsers implements store.Store. It reads keys only: every user has one entry in the
// index by name.
func (d *DB) CountUsers(ctx context.Context, realm string) (n store.UserCount, err error) {
	err = d.engine.View(ctx, func(r kv.Reader) error {
		if n.Activated, err = countEntries(r, realm, statusOn); err != nil {
			return err
		}
		n.NotActivated, err = countEntries(r, realm, statusOff)
		return err
	})
	return n, err
}

func countEntries(r kv.Reader, realm string, status byte) (int, error) {
	scan := kv.Prefix(indexStart(kindByName, realm, status))
	scan.KeysOnly = true
	return count(r, scan, 0)
}

// count counts what a scan finds, no further than limit; 0 is no limit.
func count(r kv.Reader, scan kv.Range, limit int) (n int, err error) {
	for _, err := range r.Scan(scan) {
		if err != nil {
			return 0, err
		}
		if n++; n == limit {
			break
		}
	}
	return n, nil
}

// first returns the first key that a scan finds, nil if there is none.
func first(r kv.Reader, scan kv.Range) (key []byte, err error) {
	scan.KeysOnly, scan.Size = true, 1
	for found, err := range r.Scan(scan) {
		return bytes.Clone(found.Key), err
	}
	return nil, nil
}

// Realms implements store.Store. It goes from the first entry of one realm in the index by
// name to the first of the next.
func (d *DB) Realms(ctx context.Context) (realms []string, err error) {
	err = d.engine.View(ctx, func(r kv.Reader) error {
		for scan := keysOf(kindByName); ; {
			key, err := first(r, scan)
			if err != nil || key == nil {
				return err
			}
			part := key[1 : 1+partLen(key[1:])]
			realms = append(realms, unescaped(part))
			scan.From = append(key[:1+len(part):1+len(part)], 0xff) // behind every status
		}
	})
	return realms, err
}
