// Package userpages serves the own pages of customers: set-up, challenge, backup codes,
// settings, turning off, help. The gateway calls [Pages.ServeHTTP]. The pages are plain
// net/http, work without JavaScript, and change something by POST from this origin only.
//
// The user of a page is always that of the [Visitor], which the gateway found out by
// asking the portal. Nothing in a form or address can change it.
package userpages

import (
	"net/http"

	"github.com/secondgate/secondgate/internal/store"
)

// Visitor is the user and browser of a request to an own page, as the gateway found out.
type Visitor struct {
	// User is the portal's canonical id; empty for a visitor who is not signed in.
	User string
	// Name and Email are for showing only; either may be empty.
	Name, Email string
	// ID names the browser's visit, zero where it has none of its own.
	ID store.VisitID
	// Clearance is what this visit passed as User; nil without one.
	Clearance *store.Visit
	// Owes says that User has to pass a factor, or to set one up, before the portal.
	Owes bool
	// Host is the site's host without port, for the default issuer; Secure says that the browser speaks HTTPS.
	Host   string
	Secure bool
	// Address is the client's address as Caddy determined it, Agent its User-Agent.
	Address, Agent string
	// Visit does what touches the visit itself.
	Visit Visit
}

// Visit is what pages may do to the browser's visit. The gateway implements it.
type Visit interface {
	// Rotate prepares a clearance under a fresh token.
	Rotate() Rotation
	// End ends the session and takes visit and sealed portal cookies out of the browser:
	// "Cancel and sign out". Where there was a clearance, copies of the cookies are worth
	// nothing either.
	End(w http.ResponseWriter, r *http.Request) error
	// EndOthers forgets, in memory, the clearances that a committed transaction
	// ended; it closes their open tunnels and streams.
	EndOthers(ids []store.VisitID)
	// Changed is called after the user's factors changed. It drops what was kept about the
	// factors that are owed, and closes tunnels that may no longer stay open.
	Changed()
}

// Rotation is a visit's move to a fresh token, in two steps: what is written in the
// transaction that spends a code, and what the browser gets once that is committed.
type Rotation interface {
	// Grant writes the new clearance for the visitor's user, the old clearance's end
	// and the old token's death. It may run several times (see store.Update).
	Grant(tx store.Tx, factor string) error
	// Move moves the visit without a code: with keep its clearance goes along as it is,
	// else it ends. store.ErrSpent: the visit has moved, or its clearance ended, meanwhile.
	// It may run several times.
	Move(tx store.Tx, keep bool) error
	// Visit is the new clearance's id, to be spared by Tx.EndVisits.
	Visit() store.VisitID
	// Commit seals the portal's cookies anew, deletes the old ones and sets the new
	// token in w's header. Call it once, after the transaction, before WriteHeader.
	Commit(w http.ResponseWriter)
}
