package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/spool"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// signInPause is how long askAtEnd waits before it asks again about the response to a declared
// sign-in: portals may commit a sign-in a moment after their response.
const signInPause = 250 * time.Millisecond

// Check implements [response.Exchange]. It asks the portal which user the credentials belong to
// after the response, and decides whether what was kept is released. final says that the portal's
// response has ended; otherwise a portion is checked.
//
//  1. A portion of a response that may be a sign-in's is refused without a question.
//  2. readToken takes a new token from the response into the question.
//  3. The epochs are read, and whether the visit is settled. This comes before the question,
//     because the answer proves nothing about what happens after it was asked.
//  4. askAtEnd asks, and decideAfter decides.
//  5. If the response is released, prove records the epoch. A request that has ended leaves the
//     shared requests; one with further portions lets the next exclusive request run.
func (x *exchange) Check(final bool) gate.Action {
	if !final && x.mayChange() && (!x.before.MayPass() || x.sendsSignIn()) {
		return gate.Refuse // the portal may commit a sign-in at the end of what it sends
	}
	s := x.present()
	s.jar, s.changed, s.freshly, s.after = x.jar.Apply(x.set), x.set, true, true
	if x.question == nil {
		x.questionHeader()
	}
	token, ok := x.readToken(&s, final)
	if !ok {
		return gate.Refuse
	}
	epoch, signInEpoch, settled := uint64(0), uint64(0), !x.unsettled()
	if x.visit != nil {
		epoch, signInEpoch = x.visit.Answers.Epoch(), x.visit.Requests.SignInEpoch()
	}
	a := x.askAtEnd(s, final)
	if token && a.Kind == gate.Anonymous {
		x.g.events.TokenUnknown(x.facts.Client.URL.Path)
		return gate.Refuse
	}
	if !final && x.before.MayPass() && a.Kind == gate.Anonymous {
		x.g.events.Decided(gate.Refuse, "portion", x.about(""))
		return gate.Refuse // the portal may save the renewed session at the response's end only
	}
	action := x.decideAfter(a, s, epoch)
	if action == gate.Forward {
		x.prove(signInEpoch, settled)
		if final {
			x.leaveShared() // before Release, which would count it as one with a response that goes on
		}
		if !final && x.yield != nil {
			x.yield() // the further portions are checked, also beside another exclusive request
		}
		if !final && settled && x.before.MayPass() && !x.mayChange() {
			x.end.release() // the rest passes unchecked; it may end when its client leaves
		}
	}
	return action
}

// awaitsSignIn reports whether the request submitted a declared sign-in that the answer may not
// show yet: the answer is anonymous, names the same user as before, or names a user whom an
// earlier request may have signed in. askAtEnd asks again then.
func (x *exchange) awaitsSignIn(a *portal.Answer) bool {
	return x.sendsSignIn() && (a.Kind == gate.Anonymous || a.Kind == gate.User && (a.User == x.answer.User || x.unsettled()))
}

// sendsSignIn reports whether the request submits something to a declared sign-in, or has one of
// sign_in's fields in its body, at any address. A GET of the page with the form does neither.
func (x *exchange) sendsSignIn() bool {
	f := &x.facts
	switch {
	case x.fillsIn:
		return true
	case f.Leaves:
		return false
	}
	return f.SignIn && (f.Unsafe || route.HasParameter(f.R.URL.RawQuery, f.Site.Rules.Fields) || f.Any(f.Site.Rules.LinkSignIn))
}

// askAfter asks about s with questions that begin now. Without credentials the answer is
// anonymous without a question.
func (x *exchange) askAfter(s subject) *portal.Answer {
	if s.jar.Empty() && !s.carries {
		return strangers
	}
	return x.ask(context.WithoutCancel(x.facts.R.Context()), s)
}

// askAtEnd asks about a response. If the answer does not show a declared sign-in, it asks again
// after signInPause, because the portal may commit the sign-in a moment later. The first question
// does not wait for that: meanwhile another browser's sign-in as the same user may end this
// session.
func (x *exchange) askAtEnd(s subject, final bool) *portal.Answer {
	first := x.askAfter(s)
	if !final || !x.awaitsSignIn(first) || x.owes(first) {
		return first
	}
	time.Sleep(signInPause)
	if counts(x.set) && len(first.Changes) > 0 && !x.g.Rotates {
		// The portal may not have known the response's session at the first question, and have
		// begun another one for it. So the response's session is asked about once more.
		if same := x.askAfter(s); same.Kind != gate.Anonymous {
			return same
		}
	}
	// A portal that renames its session with every response knows only the last name.
	s.jar = s.jar.Apply(first.Changes)
	a := *x.askAfter(s)
	a.Changes = slices.Concat(first.Changes, a.Changes)
	return &a
}

// owes reports whether the answer names a user who owes a factor. askAtEnd does not ask again
// then, because no later event makes the response another user's.
func (x *exchange) owes(a *portal.Answer) bool {
	st, err := x.standingOf(context.WithoutCancel(x.facts.R.Context()), a)
	return err == nil && st.Owes()
}

// decideAfter decides about a response from the answer about it. s is what the question was
// about; epoch is the epoch of the answers before it was asked.
//
//  1. If the answer is unknown or the store fails, the visit's answers are void and the response
//     is refused. Its cookies are lost, because their user is not known.
//  2. Otherwise the cookies of the response and of the question are taken into the jar, stamped
//     with the answer's user, also if the response is withheld. Cookies older than the end of the
//     user's sessions are removed.
//  3. gate.After decides.
//  4. If the visit's user changed, changeOwner ends what the former user had.
//  5. keepAfter keeps the answer for the next request.
func (x *exchange) decideAfter(a *portal.Answer, s subject, epoch uint64) gate.Action {
	// Without the client's cancellation: a client that leaves must not look like a failing store.
	after, err := x.standingOf(context.WithoutCancel(x.facts.R.Context()), a)
	if err != nil {
		x.g.events.Failed("store failed while a response was checked", err, x.about(a.User))
	}
	if err != nil || a.Kind == gate.Unknown {
		x.voidAnswers()
		return gate.Refuse
	}
	if !after.Cleared {
		x.seeSignInAfter(a)
	}
	outcome := gate.Outcome{
		SameUser: x.before.Answer == gate.User && x.answer.User == a.User && a.Scopes&^x.answer.Scopes == 0, Before: x.before, After: after,
		Mixed: x.mixed(), Doubted: x.doubted(),
	}
	x.found = a.Kind == gate.User
	asked := s.jar.Key()
	outlived := x.dropOutlived(a)
	x.take(s.changed, a.User)
	x.set = nil
	before, known := x.jar, len(x.changes)
	x.take(a.Changes, a.User)
	if x.given != nil {
		x.holdLate(before, x.changes[known:])
	}
	// revived: the portal signed the user in by cookies of ended sessions alone, or by a request
	// that submitted nothing, as a remember-me cookie does. The user must sign in again.
	revived := outlived && (x.jar.Empty() || !x.facts.Unsafe && !x.sendsSignIn())
	if revived {
		x.dropAll()
		outcome.Doubted = true
	}
	fits := x.fit(a.User) && !revived
	outcome.Outdated = x.outdated(x.out.Status(), a, asked)
	x.links = x.links && a.Kind == gate.User
	if !after.Cleared {
		x.ground = nil
	}
	action := gate.After(outcome)
	if gate.EndsClearance(outcome) {
		epoch = x.changeOwner(epoch, action, after)
	}
	if x.visit != nil {
		x.visit.MayPass.Store(after.MayPass())
	}
	if fits {
		x.keepAfter(s, a, epoch)
	}
	if action != gate.Forward {
		x.owner = a.User
		x.g.events.Decided(action, "after", x.about(a.User))
	} else if a.Kind == gate.User {
		x.answer, x.before = a, after
	}
	return action
}

// keepAfter keeps the answer about a response for the visit's next request, which will carry the
// cookies as they are now. It keeps nothing while another changer is open. If the user was and is
// anonymous, it restores the suspended answers.
func (x *exchange) keepAfter(s subject, a *portal.Answer, epoch uint64) {
	if x.visit == nil || a == strangers || x.visit.Requests.Changers(x.changers()) {
		return
	}
	kept := *a
	kept.Changes = nil
	s.jar, s.changed = x.jar, nil
	for _, p := range x.plans(&s) {
		key := visits.Key{Pins: s.pins, View: p.view, Own: p.path == "", Varying: x.g.Headers.Varying(s.header(), p.free)}
		x.visit.Answers.Keep(key, &kept, epoch, x.g.lives(), x.now)
		if x.before.Answer == gate.Anonymous && a.Kind == gate.Anonymous {
			x.visit.Answers.Restore(x.suspended, &key, x.now)
		}
	}
}

// mayChange reports whether the request may change who is signed in, as far as its facts tell. In
// a visit such a request runs exclusive; without a visit its facts decide.
func (x *exchange) mayChange() bool {
	return x.exclusive || x.visit == nil && (x.facts.Unsafe || x.facts.SignIn)
}

// MustCheck implements [response.Exchange]. It reports whether a response is checked at its end
// although all of it was released: what a changer did is known only then.
func (x *exchange) MustCheck() bool { return x.mayChange() || x.leaveSuspect != nil }

// Release implements [response.Exchange]. It writes the cookies, and lets the exclusive requests
// begin that wait for this shared request.
func (x *exchange) Release(int) {
	if x.kind == gated {
		x.writeCookies(x.rw.Header())
		x.given = x.jar
	}
	if x.shared.CompareAndSwap(runs, released) {
		x.ranIn().Requests.ReleaseShared()
	}
}

// Cancel implements [response.Exchange].
func (x *exchange) Cancel() {
	if x.end != nil {
		x.end.cancel()
	}
}

// NoRoom implements [response.Exchange].
func (x *exchange) NoRoom() {
	x.g.events.Failed("the response to a form was refused: the memory and disk space for responses that wait for their check is used up", spool.ErrFull, x.about(""))
}

// Panicked implements [response.Exchange].
func (x *exchange) Panicked(p any) {
	x.g.events.Panicked("checking a response panicked", p)
	x.voidAnswers()
}
