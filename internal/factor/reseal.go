package factor

import (
	"fmt"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
)

// SealedWith names the master key of each secret in a user's record. Whatever else is
// ever sealed in one belongs here and into Reseal: a key that is not named here can be
// removed.
func SealedWith(u *store.User) ([]keys.ID, error) {
	if u.TOTP == nil {
		return nil, nil
	}
	id, err := keys.KeyOf(u.TOTP.Secret)
	if err != nil {
		return nil, fmt.Errorf("the authenticator secret of user %q in realm %q: %w", u.Key.ID, u.Key.Realm, err)
	}
	return []keys.ID{id}, nil
}

// Reseal seals the secrets in a user's record with the ring's newest key, and reports
// whether there was anything to do. The codes stay the same.
func Reseal(u *store.User, ring *keys.Ring) (changed bool, err error) {
	ids, err := SealedWith(u)
	if err != nil || len(ids) == 0 || ids[0] == ring.Newest() {
		return false, err
	}
	t := *u.TOTP
	secret, err := ring.Open(t.Secret, boundSecret(u.Key, t.ID)...)
	if err != nil {
		return false, fmt.Errorf("opening the authenticator secret of user %q in realm %q: %w", u.Key.ID, u.Key.Realm, err)
	}
	t.Secret = ring.Seal(secret, boundSecret(u.Key, t.ID)...)
	u.TOTP = &t
	return true, nil
}

// boundSecret is what an authenticator's secret is sealed to.
func boundSecret(user store.UserKey, id string) []string {
	return []string{"totp secret", user.Realm, user.ID, id}
}
