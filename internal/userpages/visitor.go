// Package userpages serves the own pages of customers: set-up, challenge, backup codes,
// settings, turning off, help, and the health checks. The gateway calls [Pages.ServeHTTP],
// and [Pages.Refuse] for requests that it refuses. The pages work without JavaScript.
//
// The user of a page is always that of the [Visitor], which the gateway learned by asking
// the portal; no form or address can change it. A page changes something only by a POST
// from this origin.
package userpages

import (
	"net/http"

	"github.com/secondgate/secondgate/internal/store"
)

// Visitor is the user and browser of a request to an own page. The gateway fills it in.
type Visitor struct {
	// User is the portal's canonical id; empty for a visitor who is not signed in.
	User string
	// Name and Email are for showing only; either may be empty.
	Name, Email string
	// ID names the browser's visit, zero where it has none of its own.
	ID store.VisitID
	// Clearance is this visit's clearance as User; nil if it has none.
	Clearance *store.Visit
	// Owes says that User must pass or set up a second factor before using the portal.
	Owes bool
	// Host is the site's host without port, for the default issuer; Secure says that the browser speaks HTTPS.
	Host   string
	Secure bool
	// Address is the client's address as Caddy determined it, Agent its User-Agent.
	Address, Agent string
	// Visit has the operations on the browser's visit.
	Visit Visit
}

// Visit has the operations of pages on the browser's visit. The gateway implements it.
type Visit interface {
	// Rotate prepares the move of the visit to a fresh token.
	Rotate() Rotation
	// End ends the visit, as "Cancel and sign out" does: it deletes the visit's and the
	// sealed portal cookies in the browser. If there was a clearance, copies of these
	// cookies are no longer valid either.
	End(w http.ResponseWriter, r *http.Request) error
	// EndOthers removes clearances from memory that a committed transaction has ended,
	// and closes their open tunnels and streams.
	EndOthers(ids []store.VisitID)
	// Changed must be called after the user's factors changed. It invalidates what is cached
	// about whether the user owes a code, and closes tunnels that may no longer stay open.
	Changed()
}

// Rotation is a visit's move to a fresh token. 1. Grant or Move writes it in the transaction
// that spends a code or ends sessions. 2. After that is committed, Commit gives the browser
// the new token.
type Rotation interface {
	// Grant writes a new clearance for the visitor's user, ends the old clearance and
	// revokes the old token. A transaction may run it several times (see store.Update).
	Grant(tx store.Tx, factor string) error
	// Move moves the visit without a code. With keep the clearance moves along, without
	// it ends. It returns store.ErrSpent if the visit has moved or its clearance has ended
	// meanwhile. A transaction may run it several times.
	Move(tx store.Tx, keep bool) error
	// Visit returns the id of the new clearance, which Tx.EndVisits must not end.
	Visit() store.VisitID
	// Commit seals the portal's cookies anew, deletes the old ones and sets the new
	// token in w's header. Call it once, after the transaction, before WriteHeader.
	Commit(w http.ResponseWriter)
}
