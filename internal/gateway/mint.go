package gateway

import (
	"cmp"

	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/session"
)

// mint starts a visit with this response. writer calls it before the browser learns the token.
//
// The request may be a sign-in that the portal saves late, or a stream that writes a whole
// session back at its end. A new visit without any history would count as settled meanwhile. So
// what is known of the request moves into the visit, whether the response is released or
// replaced, and whether the request ran in a nameless visit or in none:
//
//  1. The old visit's facts are read: doubtful, overlapped.
//  2. leaveVisit makes the new visit unsettled for as long as the old one is.
//  3. The request joins the new visit's shared requests, and its changers if it may change who is
//     signed in.
//  4. proven and unproven are set anew, because they refer to the new visit's sign-in epoch from
//     here on.
func (x *exchange) mint(token session.Token) {
	old, changes, doubtful := x.visit, x.mayChange() || x.leaveSuspect != nil, x.doubtful()
	if old != nil && !x.exclusive {
		x.overlapped = x.overlapped || old.Requests.ChangersSince(x.mark, x.changers())
	}
	x.minted, x.keys = token, x.g.Sealer.Keys(x.host, string(token))
	x.visit = x.g.Visits.Get(x.g.Realm, token.ID(), token)
	x.leaveVisit(old)
	c := &x.visit.Requests
	x.mark, x.version = c.Mark(), x.visit.Owner()
	x.leaveMinted = c.Join()
	if changes {
		leaveOld, leaveNew := x.leaveSuspect, c.Suspect()
		x.leaveSuspect = func() {
			leaveNew()
			if leaveOld != nil {
				leaveOld()
			}
		}
	}
	x.proven.Store(c.SignInEpoch() - uint64(x.changers()))
	if doubtful {
		x.unproven.Store(true)
	}
	x.unsettle(x.visit)
}

// leaveVisit makes the new visit unsettled for as long as old is, the visit that the request ran
// in. The request keeps its place in old, and a later sign-in there makes its response doubtful.
// If this request itself minted old, the browser never learned its token, no other request runs
// there, and old is released.
func (x *exchange) leaveVisit(old *visits.Visit) {
	if old == nil {
		return
	}
	x.visit.Inherit(old.Shared)
	if x.leaveMinted != nil {
		x.leaveMinted()
		old.Release()
		return
	}
	x.left, x.leftSignInEpoch = old, old.Requests.SignInEpoch()
}

// ranIn is the visit that the request began in, also after mint; nil for none.
func (x *exchange) ranIn() *visits.Visit { return cmp.Or(x.left, x.visit) }

// unsettle makes the visit unsettled from now on, if `settles` says so.
func (x *exchange) unsettle(v *visits.Visit) {
	if v == nil || !x.settles || x.g.settleTime() <= 0 {
		return
	}
	now := x.g.Clock()
	v.Settle(now, x.g.Settle)
	if x.sendsSignIn() && !x.found {
		v.SettleSignIn(now, x.g.Settle)
	}
	if x.abandoned {
		v.Abandon(now, x.g.Settle)
	}
}
