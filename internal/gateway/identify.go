package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// hasCredentials reports whether the portal could recognise a user by the request.
func (x *exchange) hasCredentials() bool {
	return x.g.Identify != nil || !x.jar.Empty() || x.facts.Carries
}

// passedBefore reports whether the request carries credentials, in a visit with a user who was last
// found to be one who may pass. It decides only what is asked and how much is read, never who
// passes.
func (x *exchange) passedBefore() bool { return x.mayPass() && x.hasCredentials() }

// identifyBefore finds out which user sent the request, before it is forwarded, and sets answer
// and before. It also ends the clearance if that user has signed out. A second call does nothing.
func (x *exchange) identifyBefore() error {
	if x.answer != nil {
		return nil // enter has asked already
	}
	x.lookAtClock()
	f := &x.facts
	cleared := x.live()
	if f.Asset && !cleared && !x.passedBefore() {
		x.answer = &portal.Answer{} // not asked: Unknown
		return nil
	}
	freshly := (f.Unsafe || f.SignIn) && (!cleared && !x.g.WatchUnsafe || x.unsettled())
	if err := x.identify(freshly); err != nil {
		return err
	}
	if unsure := x.before.Owes() || x.before.Answer == gate.Unknown; unsure && x.visit != nil && x.visit.Answers.ForgetOthers(x.answer.User) {
		// The question itself may have signed a user in, by a credential that it carried. Other
		// answers of the visit may name another user for the same session: they are dropped.
		x.visit.Requests.BumpSignInEpoch()
		x.settles = true
	}
	x.rememberToken()
	if !x.before.Cleared {
		x.seeSignIn(x.answer)
	}
	// A visit may hold several sessions. An own page is asked about with the cookies of its own
	// path. That its user may pass says nothing about the other sessions.
	if may := x.before.MayPass(); x.visit != nil && x.visit.MayPass.Load() != may && !(x.ownPage && may) {
		x.visit.MayPass.Store(may)
	}
	x.endIfSignedOut()
	if x.before.Cleared {
		x.g.Visits.Touch(x.visit, x.st, x.now)
	}
	return nil
}

// unsettled reports whether the signed-in user may have changed without the gate having noticed.
// Under `rotates` it always has, because each sign-in has a new session id.
func (x *exchange) unsettled() bool {
	return x.unsettledWithoutSlow() || x.visit != nil && !x.g.Rotates && x.slow()
}

// slow is [visits.Shared.Slow] at the present time. The clock is read only if it was so when the
// request came.
func (x *exchange) slow() bool { return x.visit.Slow(x.now) && x.visit.Slow(x.g.Clock()) }

// unsettledWithoutSlow is unsettled without the requests that [visits.Shared.Slow] reports: those
// that were given up and that the portal may still execute.
func (x *exchange) unsettledWithoutSlow() bool {
	return x.visit != nil && !x.g.Rotates && x.visit.Unsettled(x.changers(), x.g.Clock)
}

// maxRounds bounds how often identify asks in one request.
const maxRounds = 4

// identify asks which user the credentials belong to, until all of them fit the answer:
//
//  1. It asks.
//  2. It removes the cookies of ended sessions, and asks again if there were any.
//  3. It takes the cookies that the question set, removes those that are stamped for another
//     user, and asks again if there were any.
//
// After maxRounds the answer is unknown.
func (x *exchange) identify(freshly bool) (err error) {
	if x.g.Identify != nil {
		x.answer = x.identified()
		x.before, err = x.standingOf(x.facts.R.Context(), x.answer)
		x.dropEnded()
		return err
	}
	if x.visit != nil && x.presumed() {
		x.answer, x.before = strangers, gate.Standing{Answer: gate.Anonymous}
		return nil
	}
	ended := ""
	for range maxRounds {
		if x.answer, x.before, err = x.askBefore(freshly || ended != ""); err != nil || x.answer.Kind == gate.Unknown {
			return err
		}
		if x.dropEnded() || ended != "" && x.dropRevived(ended) {
			ended = x.answer.User
			continue // without the answer's changes: they belong to the ended session
		}
		x.take(x.answer.Changes, x.answer.User)
		if x.fit(x.answer.User) {
			return nil
		}
	}
	x.answer = &portal.Answer{Why: "the cookies belong to several users"}
	x.before, err = x.standingOf(x.facts.R.Context(), x.answer)
	return err
}

// askBefore asks about the request's credentials as they now are. A cached answer that was given
// for other varying values is used only if it names a user who may pass; one for a request that
// may change something, only if it names the user of the clearance.
func (x *exchange) askBefore(freshly bool) (*portal.Answer, gate.Standing, error) {
	if !x.hasCredentials() {
		return strangers, gate.Standing{Answer: gate.Anonymous}, nil
	}
	ctx := x.facts.R.Context()
	s := x.present()
	s.freshly, s.kept = freshly, !freshly
	a := x.ask(ctx, s)
	st, err := x.standingOf(ctx, a)
	if err != nil || !s.kept {
		return a, st, err
	}
	f := &x.facts
	switch {
	case (f.Unsafe || f.SignIn) && !st.Cleared && !x.g.WatchUnsafe:
		s.freshly, s.kept = true, false // the visit's clearance is another user's
	case a.Kind == gate.User && !st.MayPass():
		s.exactly = true
	default:
		return a, st, err
	}
	// With the cookies that the first question set: the former ones may be void.
	first := a.Changes
	s.jar = s.jar.Apply(first)
	second := *x.ask(ctx, s)
	second.Changes = slices.Concat(first, second.Changes)
	st, err = x.standingOf(ctx, &second)
	return &second, st, err
}

// identified returns the user that the authentication handler before the gate identified (setting
// `user`). If there is none, the answer is unknown and not anonymous, because that handler has to
// identify the user of every request.
func (x *exchange) identified() *portal.Answer {
	if id := x.g.Identify(x.facts.R); id != "" {
		return &portal.Answer{Kind: gate.User, User: id, Name: id}
	}
	x.g.events.Unnamed()
	return &portal.Answer{Why: "the placeholder under `user` is empty"}
}

// standingOf derives the standing from an answer, the visit's clearance and the policy. It also
// sets sessionsEnded for the user that the answer names.
func (x *exchange) standingOf(ctx context.Context, a *portal.Answer) (gate.Standing, error) {
	st := gate.Standing{Answer: a.Kind}
	x.sessionsEnded = time.Time{}
	if a.Kind == gate.Unknown {
		x.g.events.UnknownAnswer(x.about(""), a.Why)
	}
	if a.Kind != gate.User {
		return st, nil
	}
	if x.live() && x.st.Clearance.User == a.User {
		st.Enrolled, st.Cleared = true, true
		return st, nil
	}
	st.Required = x.g.Required
	user, err := x.g.users.Record(ctx, a)
	st.Enrolled, x.sessionsEnded = user.Activated(), user.SessionsEnded
	return st, err
}

// dropEnded removes the cookies of sessions that were ended: those that were sealed before
// the sessions of the user whom the answer names were ended, in a visit without a clearance.
// It reports whether there were any.
func (x *exchange) dropEnded() bool {
	if x.answer.Kind != gate.User {
		return false
	}
	x.since = x.sessionsEnded
	if x.since.IsZero() {
		return false
	}
	jar, gone := x.jar.Without(x.outlived)
	if len(gone) == 0 {
		return false
	}
	x.g.events.SessionOver(x.about(""))
	x.jar, x.gone = jar, append(x.gone, gone...)
	return true
}

// dropRevived is called after dropEnded removed cookies. If the others still name the same
// user, the question with the removed ones may have signed a new session in, as a remember-me
// cookie does. dropRevived removes them, except cookies that a response set for this user
// after the end. It reports whether it removed any.
func (x *exchange) dropRevived(user string) bool {
	if x.answer.Kind != gate.User || x.answer.User != user || x.before.Cleared {
		return false
	}
	jar, gone := x.jar.Drop(func(c portal.Cookie) bool { return c.Stamp.User != user || x.outlived(c.Sealed) })
	x.jar, x.gone = jar, append(x.gone, gone...)
	return len(gone) > 0
}

// dropOutlived is called when a response signed a user in. It removes cookies that are older than
// the end of the user's sessions. If it left them, dropRevived would remove the new session at
// the next request, as one that these cookies signed in. It reports whether it removed any.
func (x *exchange) dropOutlived(a *portal.Answer) bool {
	if a.Kind != gate.User || x.sessionsEnded.IsZero() || x.before.Answer == gate.User && x.answer.User == a.User {
		return false
	}
	jar, gone := x.jar.Without(x.outlived)
	x.jar, x.gone = jar, append(x.gone, gone...)
	return len(gone) > 0
}

// dropAll removes all sealed cookies: the user signs in once more.
func (x *exchange) dropAll() {
	jar, gone := x.jar.Drop(func(portal.Cookie) bool { return true })
	x.jar, x.gone = jar, append(x.gone, gone...)
}

// outlived reports whether a cookie was sealed before the user's sessions were ended.
func (x *exchange) outlived(sealed time.Time) bool {
	return session.Outdated(sealed, x.sessionsEnded, x.now)
}

// endIfSignedOut ends the clearance if the request carries all the credentials that it was given
// for, and they are anonymous. If some are missing, as on a cross-site request, nothing ends.
func (x *exchange) endIfSignedOut() {
	if x.before.Answer != gate.Anonymous || !x.live() {
		return
	}
	binds := x.st.Clearance.Binds
	if len(binds) == 0 || !holdsAll(x.sent.Binds(x.host, x.g.Path), binds) {
		return
	}
	x.endClearance("signed out at the portal")
}

// endClearance ends the visit's clearance, whichever user it was for.
func (x *exchange) endClearance(why string) {
	c := x.st.Clearance
	if c == nil {
		return
	}
	x.st.End()
	about := x.about(c.User)
	err := x.g.Visits.EndClearance(context.WithoutCancel(x.facts.R.Context()), x.visit, x.g.events.Event(store.EventSignedOut, about, why))
	x.g.events.ClearanceEnded(about, why, err)
}

// seeSignIn records which user the visit is signed in as, and emits one event when a user has
// signed in. It emits none if the request carries a cookie stamped for the user: the event was
// emitted then, perhaps before a restart. It is not called for a user with a clearance.
func (x *exchange) seeSignIn(a *portal.Answer) {
	if x.visit == nil {
		return // with Identify, the first page starts the visit; the event is emitted then
	}
	last := x.visit.SignedIn.Load()
	switch {
	case a.Kind != gate.User:
		if last != nil && a.Kind == gate.Anonymous {
			x.visit.SignedIn.CompareAndSwap(last, nil)
		}
		return
	case last != nil && *last == a.User:
		return
	}
	user := a.User
	if last = x.visit.SignedIn.Swap(&user); last != nil && *last == user || x.sent.StampedFor(user, x.g.Path) {
		return
	}
	x.g.events.SignIn(x.about(user))
}

// seeSignInAfter is seeSignIn for a response that was checked. If the response may start a visit,
// the event is emitted at once: the next request's cookies are stamped already.
func (x *exchange) seeSignInAfter(a *portal.Answer) {
	if x.visit == nil && a.Kind == gate.User && !x.sent.StampedFor(a.User, x.g.Path) {
		x.g.events.SignIn(x.about(a.User))
		return
	}
	x.seeSignIn(a)
}
