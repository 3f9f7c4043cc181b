package gateway

import (
	"cmp"

	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/session"
)

// mint starts a visit with this response. It is called before the browser learns the token.
//
// The visit does not begin without a history: the request that starts it may be a sign-in
// that the portal saves late, or a stream that writes a whole session back at its end. So
// what is known of the request moves into the visit, whether its response is released or
// replaced, and whether it ran in a nameless visit or in none.
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
		before, here := x.leaveSuspect, c.Suspect()
		x.leaveSuspect = func() {
			here()
			if before != nil {
				before()
			}
		}
	}
	x.proven.Store(c.SignInEpoch() - uint64(x.changers()))
	if doubtful {
		x.unproven.Store(true)
	}
	x.unsettle(x.visit)
}

// leaveVisit takes over how long the visit that the request ran in is unsettled. The
// request keeps its place there, and what happens there later makes its response doubtful;
// a visit with a token that the browser never learned needs neither.
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

// ranIn is the visit that the request began in; nil for none.
func (x *exchange) ranIn() *visits.Visit { return cmp.Or(x.left, x.visit) }

// unsettle makes the visit unsettled, where the request is one after which it is.
func (x *exchange) unsettle(v *visits.Visit) {
	if v == nil || !x.settles || x.g.settleTime() <= 0 {
		return
	}
	now := x.g.Clock()
	v.Settle(now, x.g.Settle, x.g.WatchUnsafe)
	if x.abandoned {
		v.Abandon(now, x.g.Settle)
	}
}
