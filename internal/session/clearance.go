package session

import (
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Policy bounds how long a clearance is valid: at most Life after the code was accepted, and at
// most Idle after the last request.
type Policy struct {
	Life, Idle time.Duration
}

// Live reports whether v is a clearance that is valid at now, if its last request was at seen. A
// clearance that was granted in the future is not valid, because the clock was set back and the
// real time is unknown.
func (p Policy) Live(v *store.Visit, seen, now time.Time) bool {
	if v.Revoked() || now.Before(v.At.Add(-clockSlack)) {
		return false
	}
	if !now.Before(v.Expires) || now.Sub(v.At) >= p.Life {
		return false
	}
	return now.Sub(seen) < p.Idle
}

// clockSlack is how far the clock may be set back before a clearance counts as granted in the
// future. Time synchronisation makes small steps back.
const clockSlack = 2 * time.Minute

// Grant describes a clearance that is about to be granted.
type Grant struct {
	Realm, User, Factor string
	// Old is the visit's present id, zero if there is none. New is the id of its fresh token.
	Old, New       store.VisitID
	Now            time.Time
	Address, Agent string
	// Binds identifies the portal cookies that the clearance is granted for, by hashes; see
	// store.Visit.
	Binds []uint64
}

// Write records the clearance of the new token and revokes the old token. It runs in the
// transaction that spends the code, which may run it several times. If the old token was revoked
// in the meantime, because two tabs sent codes at once, Write returns store.ErrSpent.
func (p Policy) Write(tx store.Tx, g Grant) error {
	if g.Old != (store.VisitID{}) {
		if err := revoke(tx, g); err != nil {
			return err
		}
	}
	return tx.PutVisit(store.Visit{
		Realm: g.Realm, ID: g.New, User: g.User, Factor: g.Factor,
		At: g.Now, LastSeen: g.Now, Expires: g.Now.Add(p.Life),
		Address: g.Address, Agent: g.Agent, Binds: g.Binds,
	})
}

// revoke replaces the record of the old token by a tombstone. If the token is revoked already,
// revoke returns store.ErrSpent.
func revoke(tx store.Tx, g Grant) error {
	if old, err := tx.Visit(g.Old); err == nil && old.Revoked() {
		return store.ErrSpent
	}
	return tx.PutVisit(store.Visit{Realm: g.Realm, ID: g.Old, At: g.Now, Expires: g.Now.Add(MaxCookieLife)})
}
