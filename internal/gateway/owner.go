package gateway

import "github.com/secondgate/secondgate/internal/gate"

// mixed reports whether an anonymous answer proves nothing about the response, because another
// request that ran beside this one may have signed a user in and out again: one that may change
// the user. For an exclusive request that submits something, it may be any other request. If this
// request itself is a declared sign-out, the anonymous answer is expected, and mixed returns false.
func (x *exchange) mixed() bool {
	if x.visit == nil {
		return false
	}
	c := &x.visit.Requests
	if !x.exclusive {
		x.overlapped = x.overlapped || c.ChangersSince(x.mark, x.changers())
		return (x.overlapped || x.beganUnsettled && x.before.MayPass()) && !x.g.Rotates
	}
	return (c.SharedSince(x.mark) || c.OthersSince(x.mark)) && !(x.facts.Leaves && !x.fillsIn)
}

// doubted reports whether the response to an exclusive request may have been made for another
// user than the answer names:
//
//   - a sign-in, because the portal may commit an earlier request after it;
//   - a sign-out, because an exclusive request that yielded before it may have changed the user.
func (x *exchange) doubted() bool {
	if !x.exclusive {
		return false
	}
	return x.beganUnsettled && x.sendsSignIn() || x.facts.SignOut && x.visit.Requests.OthersSince(x.mark)
}

// changeOwner is called when the visit's user has changed. after is the new standing.
//
//  1. All answers of the visit are forgotten, also those about other cookies: an old session id
//     that is still valid belongs to the new user, too.
//  2. bumpOwner makes the responses outdated that started under the former user. It is left out
//     if this response is released and no user could pass before it.
//  3. The visit's tunnels are closed, and its clearance ends.
//
// It returns the epoch in which an answer from the given epoch may still be kept.
func (x *exchange) changeOwner(epoch uint64, action gate.Action, after gate.Standing) uint64 {
	if x.visit == nil {
		return epoch
	}
	now := x.visit.Answers.Forget()
	if action != gate.Forward || x.before.MayPass() {
		x.bumpOwner(after.Answer)
	}
	x.g.Visits.Tunnels.CloseOf(x.visit)
	x.endClearance("another sign-in or a sign-out")
	if now == epoch+1 {
		return now // no other request changed anything since the question was put
	}
	return epoch
}

// bumpOwner increments the visit's owner version. This response moves to the new version, unless
// another request incremented it since this one began: then Lost drops the response. A declared
// sign-out that left no user signed in moves in either case. If another request has incremented
// the version for an anonymous answer already, it stays as it is, and this response is dropped.
func (x *exchange) bumpOwner(after gate.Answer) {
	leaves := x.exclusive && x.facts.Leaves
	if after == gate.Anonymous && !leaves && x.visit.Owner() != x.version {
		return // it was found out already, and this response is dropped
	}
	now := x.visit.BumpOwner()
	if now == x.version+1 || after == gate.Anonymous && leaves {
		x.version = now
	}
}

// Lost implements [response.Exchange]. It reports whether the response must not be released any
// further: the clearance ended, the visit's user changed, finishing.close was called, or a user
// without clearance owes a factor by now.
func (x *exchange) Lost() bool {
	if x.kind != gated {
		return false
	}
	return x.ground != nil && x.ground.Ended() || x.visit != nil && x.visit.Owner() != x.version ||
		x.end != nil && x.end.closed.Load() || x.owesNow()
}

// Unsettled implements [response.Exchange]. Tunnels are left out: type frames checks their bytes.
func (x *exchange) Unsettled() bool {
	if x.kind != gated || x.g.Identify != nil || x.tunnels {
		return false
	}
	return x.doubtful()
}

// Settled implements [response.Exchange].
func (x *exchange) Settled() bool { return !x.unsettled() }

// doubtful reports whether the signed-in user may have changed since the question that the
// response is released on: the visit is unsettled or was since, or its sign-in epoch is no longer
// the proven one. After mint this includes the visit in which the request ran before.
func (x *exchange) doubtful() bool {
	if x.visit == nil || x.g.Rotates {
		return false
	}
	if x.left != nil && x.left.Requests.SignInEpoch() != x.leftSignInEpoch {
		return true
	}
	return x.unproven.Load() || x.visit.Requests.SignInEpoch() != x.proven.Load()+uint64(x.changers()) || x.unsettled()
}

// prove records that a question has shown the response to be good. signInEpoch is the visit's
// epoch before the question, settled whether the visit was settled then. A question in an
// unsettled visit is ignored: the portal may commit a change after it.
func (x *exchange) prove(signInEpoch uint64, settled bool) {
	if x.visit != nil && settled {
		x.proven.Store(signInEpoch - uint64(x.changers()))
		x.unproven.Store(false)
	}
}
