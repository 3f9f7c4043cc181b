package factor

import (
	"fmt"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
)

// sealedField is one sealed value in a user's record.
type sealedField struct {
	name  string
	value []byte
	bound []string
	// put replaces the value. It changes a copy of the struct that the record points to.
	put func(value []byte)
}

// sealedFields returns the sealed values of a user's record. Every sealed field must be listed
// here. Otherwise a master key that still seals one could be removed.
func sealedFields(u *store.User) (fields []sealedField) {
	if u.TOTP != nil {
		t := *u.TOTP
		fields = append(fields, sealedField{"authenticator secret", t.Secret, boundSecret(u.Key, t.ID), func(value []byte) {
			t.Secret = value
			u.TOTP = &t
		}})
	}
	if u.Spent != nil && len(u.Spent.Key) > 0 {
		spent := *u.Spent
		fields = append(fields, sealedField{"key of the spent backup codes", spent.Key, boundSpent(u.Key), func(value []byte) {
			spent.Key = value
			u.Spent = &spent
		}})
	}
	return fields
}

// SealedWith names the master key of each sealed value in a user's record.
func SealedWith(u *store.User) (ids []keys.ID, err error) {
	for _, f := range sealedFields(u) {
		id, err := keys.KeyOf(f.value)
		if err != nil {
			return nil, fmt.Errorf("the %s of user %q in realm %q: %w", f.name, u.Key.ID, u.Key.Realm, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// Reseal seals the sealed values in a user's record with the ring's newest key, and reports whether
// it changed any. The codes remain valid. If it returns an error, the record is unchanged.
func Reseal(u *store.User, ring *keys.Ring) (changed bool, err error) {
	fresh := *u
	for _, f := range sealedFields(&fresh) {
		id, err := keys.KeyOf(f.value)
		if err == nil && id == ring.Newest() {
			continue
		}
		plain, err := ring.Open(f.value, f.bound...)
		if err != nil {
			return false, fmt.Errorf("opening the %s of user %q in realm %q: %w", f.name, u.Key.ID, u.Key.Realm, err)
		}
		f.put(ring.Seal(plain, f.bound...))
		changed = true
	}
	*u = fresh
	return changed, nil
}

// boundSecret returns the authenticated data of an authenticator's sealed secret.
func boundSecret(user store.UserKey, id string) []string {
	return []string{"totp secret", user.Realm, user.ID, id}
}
