package gateway

import (
	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/store"
)

// event is one about a user, as this request caused it.
func (x *exchange) event(kind, user, reason string) store.Event {
	return store.Event{
		At: x.now.UTC(), Kind: kind, Realm: x.g.Realm, User: user, Reason: reason,
		Address: x.client.Address, Agent: x.r.UserAgent(),
	}
}

// note hands over an event that belongs to no transaction. It waits for nothing.
func (g *Gateway) note(e store.Event) {
	if g.Note != nil {
		g.Note(e)
	}
}

// seeSignIn notes who the visit is, and tells once that it became signed in. A cookie
// that came back stamped with the user tells that this was seen before, perhaps by a
// server that has been restarted since; a clearance does too: see Visits.read.
func (x *exchange) seeSignIn(a *portal.Answer) {
	if x.visit == nil {
		return // nobody's: who is found elsewhere gets a visit with the first page
	}
	last := x.visit.signedIn.Load()
	switch {
	case a.Kind != gate.User:
		if last != nil && a.Kind == gate.Anonymous {
			x.visit.signedIn.CompareAndSwap(last, nil)
		}
		return
	case last != nil && *last == a.User:
		return
	}
	user := a.User
	if last = x.visit.signedIn.Swap(&user); last != nil && *last == user || x.sent.StampedFor(user) {
		return
	}
	x.g.note(x.event(store.EventSignIn, user, ""))
}

// seeSignInAfter is seeSignIn for a response that was judged. One that begins a visit
// is told at once: when the visit comes back its cookies are stamped.
func (x *exchange) seeSignInAfter(a *portal.Answer) {
	if x.visit == nil && a.Kind == gate.User && !x.sent.StampedFor(a.User) {
		x.g.note(x.event(store.EventSignIn, a.User, ""))
		return
	}
	x.seeSignIn(a)
}
