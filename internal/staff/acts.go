package staff

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
)

// Act identifies the user whom an act changes, the staff member who acts, and the reason.
// The audit event of the act has all of it.
type Act struct {
	// Realm and User are the exact names. An empty Realm stands for the only realm.
	Realm, User string
	// Staff is the staff member's name: 1 to 200 characters.
	Staff string
	// Reason has 3 to 500 characters.
	Reason string
	// Address is the staff member's client address, empty for a command on the server.
	Address string
}

// The life of a recovery code.
const (
	DefaultRecoveryLife = 24 * time.Hour
	MinRecoveryLife     = 5 * time.Minute
	MaxRecoveryLife     = 7 * 24 * time.Hour
)

// Reset removes all factors of the user, their backup codes, counted wrong codes and an
// outstanding recovery code, and ends all sessions. It returns the number of ended sessions
// that had passed a code. From then on the password alone signs in, until the user sets up a
// factor again. ErrRefused: the user has no factor.
func (d *Desk) Reset(ctx context.Context, a Act) (sessions int, err error) {
	key, err := d.admit(ctx, &a)
	if err != nil {
		return 0, err
	}
	ended, err := d.factors(key.Realm).Reset(ctx, key.ID, func(tx store.Tx, old store.User, ended []store.VisitID) error {
		if !old.Activated() {
			return refuse(ErrRefused, "%s has no second factor; there is nothing to reset", name(key))
		}
		return d.record(tx, store.EventStaffReset, a, map[string]string{"sessions": strconv.Itoa(len(ended))})
	})
	return len(ended), d.ended(ctx, key, ended, err)
}

// Unlock resets the count of wrong codes. If the server's clock was ahead, it also resets the
// time step of the last accepted code, which lies in the future (factor.Service.Ahead) and
// makes every earlier code invalid. ErrRefused: there is neither.
func (d *Desk) Unlock(ctx context.Context, a Act) error {
	key, err := d.admit(ctx, &a)
	if err != nil {
		return err
	}
	err = d.factors(key.Realm).Unlock(ctx, key.ID, func(tx store.Tx, old store.User, _ []store.VisitID) error {
		if _, ahead := d.factors(key.Realm).Ahead(&old); len(old.Failures) == 0 && !ahead {
			return refuse(ErrRefused, "%s is not locked: no wrong code was given since the last accepted one", name(key))
		}
		return d.record(tx, store.EventStaffUnlocked, a, nil)
	})
	return d.done(ctx, key, err)
}

// EndSessions ends all sessions of the user: every browser must sign in again with the
// password and, if the user has a factor, a code. It returns the number of ended sessions
// that had passed a code; others, which had not, end too.
func (d *Desk) EndSessions(ctx context.Context, a Act) (sessions int, err error) {
	key, err := d.admit(ctx, &a)
	if err != nil {
		return 0, err
	}
	ended, err := d.factors(key.Realm).EndVisits(ctx, key.ID, func(tx store.Tx, _ store.User, ended []store.VisitID) error {
		return d.record(tx, store.EventStaffEndedSessions, a, map[string]string{"sessions": strconv.Itoa(len(ended))})
	})
	return len(ended), d.ended(ctx, key, ended, err)
}

// RecoveryCode issues a code that is valid for one challenge within life (0 is
// DefaultRecoveryLife). It replaces an earlier one. Only its hash is stored. ErrRefused: the
// user has no factor, so no code is asked for.
func (d *Desk) RecoveryCode(ctx context.Context, a Act, life time.Duration) (code string, until time.Time, err error) {
	key, err := d.admit(ctx, &a)
	if err != nil {
		return "", time.Time{}, err
	}
	if life == 0 {
		life = DefaultRecoveryLife
	}
	if life < MinRecoveryLife || life > MaxRecoveryLife {
		return "", time.Time{}, refuse(ErrInput, "a recovery code can't be valid for %v; want 5m to 7d", life)
	}
	code, issued, err := d.factors(key.Realm).IssueRecovery(ctx, key.ID, a.Staff, life, func(tx store.Tx, r store.Recovery) error {
		return d.record(tx, store.EventStaffRecoveryCode, a, map[string]string{"expires": r.Expires.Format(time.RFC3339)})
	})
	if errors.Is(err, factor.ErrNoFactor) {
		err = refuse(ErrRefused, "%s has no second factor, so no code is required; a recovery code would be useless", name(key))
	}
	if err := d.done(ctx, key, err); err != nil {
		return "", time.Time{}, err
	}
	return code, issued.Expires, nil
}

// admit is the first step of every act. It checks the act's fields and that the user exists,
// and sets a.Realm.
func (d *Desk) admit(ctx context.Context, a *Act) (store.UserKey, error) {
	realm, err := d.Realm(a.Realm)
	if err != nil {
		return store.UserKey{}, err
	}
	a.Realm = realm
	if err := a.check(); err != nil {
		return store.UserKey{}, err
	}
	key := store.UserKey{Realm: realm, ID: a.User}
	_, err = d.user(ctx, key)
	return key, err
}

// record writes the event into the transaction of the act.
func (d *Desk) record(tx store.Tx, kind string, a Act, detail map[string]string) error {
	return tx.Record(store.Event{
		At: d.now(), Kind: kind, Realm: a.Realm, User: a.User,
		Staff: a.Staff, Reason: a.Reason, Address: a.Address, Detail: detail,
	})
}

// ended is the last step of an act that ended sessions in the store: if that was committed,
// it ends them in the gateway's memory too.
func (d *Desk) ended(ctx context.Context, key store.UserKey, ids []store.VisitID, err error) error {
	if err == nil {
		d.End(key, ids...)
	}
	return d.done(ctx, key, err)
}

// done is the last step of every act. It replaces store.ErrNotFound by ErrUnknown.
func (d *Desk) done(ctx context.Context, key store.UserKey, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return d.unknown(ctx, key) // the user was deleted after admit
	}
	return err
}
