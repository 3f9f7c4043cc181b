package session

import (
	"errors"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// EndMargin is how long after EndAll cookies still count as sealed before it. A request
// that read the user's record before the transaction was committed may seal cookies
// meanwhile; its time is at most that of the commit. A sign-in within the margin has to be
// made once more.
const EndMargin = time.Second

// maxRevoked bounds the tombstones of one transaction. Sessions beyond have no clearance
// any more, and their cookies are older than SessionsEnded.
const maxRevoked = 1000

// EndAll ends all sessions of the transaction's user but those spared, and returns those that
// had a clearance. Their tokens are revoked. The portal's cookies that were sealed before now
// are no longer accepted in visits without a clearance: see [Outdated]. The caller writes u.
func EndAll(tx store.Tx, u *store.User, now time.Time, spare ...store.VisitID) ([]store.VisitID, error) {
	ended, err := tx.EndVisits(spare...)
	if err != nil {
		return nil, err
	}
	at := After(now)
	if Future(u.SessionsEnded, now) || at.After(u.SessionsEnded) {
		u.SessionsEnded = at
	}
	for _, id := range ended[:min(len(ended), maxRevoked)] {
		if err := End(tx, u.Key.Realm, id, now); err != nil {
			return nil, err
		}
	}
	return ended, nil
}

// After is the time from which on cookies count as sealed after sessions that were ended at
// now. It is as precise as cookies are.
func After(now time.Time) time.Time { return now.Add(EndMargin).Truncate(time.Millisecond).UTC() }

// End ends the session of one visit: its token is revoked for as long as its cookies could
// live, so that no copy of them opens.
func End(tx store.Tx, realm string, id store.VisitID, now time.Time) error {
	return tx.PutVisit(store.Visit{Realm: realm, ID: id, SessionEnded: true, At: now, Expires: now.Add(MaxCookieLife)})
}

// Move moves a visit to the fresh token of g without a code, and revokes the old token. With
// keep, its clearance moves along and keeps its end. If the visit has no clearance then, or its
// token was revoked, Move returns store.ErrSpent.
func Move(tx store.Tx, g Grant, keep bool) error {
	old, err := tx.Visit(g.Old)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	cleared := err == nil && old.User == g.User
	if err == nil && old.Revoked() || keep && !cleared {
		return store.ErrSpent
	}
	if g.Old != (store.VisitID{}) {
		if err := revoke(tx, g); err != nil {
			return err
		}
	}
	if !keep {
		return nil
	}
	old.ID, old.Binds = g.New, g.Binds
	return tx.PutVisit(old)
}

// Outdated reports whether a cookie that was sealed at that time belongs to a session that ended
// at ended; zero for never. A cookie that was sealed in the future is outdated, too: the clock
// was wrong, so its session is unknown.
func Outdated(sealed, ended, now time.Time) bool {
	return !ended.IsZero() && (sealed.Before(ended) || sealed.After(now.Add(EndMargin)))
}

// Future reports whether a time at which sessions ended is still to come, because the clock
// was set back, and by more than a user can wait.
func Future(t, now time.Time) bool { return t.After(now.Add(EndMargin + clockSlack)) }
