// Package users keeps the store's record of every user that whoami names. Staff can therefore
// list the users without two-factor authentication. Packages gateway and observe call it when a
// user is found.
package users

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// Directory is the users of one realm.
type Directory struct {
	Realm string
	Store store.Store
	Clock func() time.Time
}

// Record reads the record of the user that an answer names. It writes one when whoami
// names the user for the first time, and when the portal's name or address for the user
// changed. A time at which sessions were ended that is still to come is set to now.
func (d Directory) Record(ctx context.Context, a *portal.Answer) (store.User, error) {
	key := store.UserKey{Realm: d.Realm, ID: a.User}
	user, err := d.Store.User(ctx, key)
	now := d.Clock().UTC()
	if err == nil && upToDate(&user, a, now) || err != nil && !errors.Is(err, store.ErrNotFound) {
		return user, err
	}
	err = d.Store.Update(ctx, key, func(tx store.Tx) error {
		rec, err := tx.User()
		if errors.Is(err, store.ErrNotFound) {
			rec, err = store.User{Key: key, FirstSeen: now}, nil
		}
		if err != nil {
			return err
		}
		rec.Name, rec.Email = cmp.Or(a.Name, rec.Name), cmp.Or(a.Email, rec.Email)
		if session.Future(rec.SessionsEnded, now) {
			rec.SessionsEnded = now // the clock was set back: else no new session would count until then
		}
		user = rec
		return tx.PutUser(rec)
	})
	return user, err
}

// upToDate reports whether the record has what the portal says of the user, and no time
// that is still to come.
func upToDate(user *store.User, a *portal.Answer, now time.Time) bool {
	return !session.Future(user.SessionsEnded, now) && (a.Name == "" || user.Name == a.Name) && (a.Email == "" || user.Email == a.Email)
}
