package staff

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
)

// Act is who does something to whom, and why.
type Act struct {
	// Realm and User are exact; no similar user is taken. An empty Realm is the only one.
	Realm, User string
	// Staff is the name of who acts: 1 to 200 characters.
	Staff string
	// Reason is why: 3 to 500 characters.
	Reason string
	// Address is where staff act from, empty for the server itself.
	Address string
}

// The life of a recovery code.
const (
	DefaultRecoveryLife = 24 * time.Hour
	MinRecoveryLife     = 5 * time.Minute
	MaxRecoveryLife     = 7 * 24 * time.Hour
)

// Reset takes away all factors of the user, their backup codes, counted wrong codes and
// an outstanding recovery code, and ends all sessions; it returns how many had passed a
// code. From then on the password alone is enough, until the user sets a factor up again.
// ErrRefused: the user has no factor.
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

// Unlock forgets the wrong codes that hold the user up, and what a clock that was ahead
// has left. ErrRefused: nothing does.
func (d *Desk) Unlock(ctx context.Context, a Act) error {
	key, err := d.admit(ctx, &a)
	if err != nil {
		return err
	}
	err = d.factors(key.Realm).Unlock(ctx, key.ID, func(tx store.Tx, old store.User, _ []store.VisitID) error {
		if _, ahead := d.factors(key.Realm).Ahead(&old); len(old.Failures) == 0 && !ahead {
			return refuse(ErrRefused, "%s is not locked: no wrong codes are counted since the last right one", name(key))
		}
		return d.record(tx, store.EventStaffUnlocked, a, nil)
	})
	return d.done(ctx, key, err)
}

// EndSessions ends all sessions of the user: every browser has to give the password again,
// and a code, if the user has a factor. It returns how many had passed a code; there may
// have been others.
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

// RecoveryCode issues a code that is good for one challenge within life (0 is
// DefaultRecoveryLife), in the place of an earlier one. It is returned here and kept
// nowhere. ErrRefused: the user has no factor, so that none is asked for.
func (d *Desk) RecoveryCode(ctx context.Context, a Act, life time.Duration) (code string, until time.Time, err error) {
	key, err := d.admit(ctx, &a)
	if err != nil {
		return "", time.Time{}, err
	}
	if life == 0 {
		life = DefaultRecoveryLife
	}
	if life < MinRecoveryLife || life > MaxRecoveryLife {
		return "", time.Time{}, refuse(ErrInput, "a recovery code can't live for %v; want 5m to 7d", life)
	}
	code, issued, err := d.factors(key.Realm).IssueRecovery(ctx, key.ID, a.Staff, life, func(tx store.Tx, r store.Recovery) error {
		return d.record(tx, store.EventStaffRecoveryCode, a, map[string]string{"expires": r.Expires.Format(time.RFC3339)})
	})
	if errors.Is(err, factor.ErrNoFactor) {
		err = refuse(ErrRefused, "%s has no second factor, so no code is asked for; a recovery code would be of no use", name(key))
	}
	if err := d.done(ctx, key, err); err != nil {
		return "", time.Time{}, err
	}
	return code, issued.Expires, nil
}

// admit checks who acts and why, and that the user is known.
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

// ended concludes an act that ended the user's sessions: what it ended in the store ends in
// memory too.
func (d *Desk) ended(ctx context.Context, key store.UserKey, ids []store.VisitID, err error) error {
	if err == nil {
		d.End(key, ids...)
	}
	return d.done(ctx, key, err)
}

// done concludes an act.
func (d *Desk) done(ctx context.Context, key store.UserKey, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return d.unknown(ctx, key) // deleted meanwhile
	}
	return err
}
