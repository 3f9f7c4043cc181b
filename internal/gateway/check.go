package gateway

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/response"
	"github.com/secondgate/secondgate/internal/gateway/spool"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// signInPause is how long askAtEnd waits before it asks again about the response to a declared
// sign-in: portals may commit a sign-in a moment after their response.
const signInPause = 250 * time.Millisecond

// Arrived implements [response.Exchange]. It is called when the portal's headers arrive. It
// removes the portal's cookies from them, and returns how the response is handled: dropped,
// passed at once, or kept until a check.
func (x *exchange) Arrived(status int) response.Mode {
	switch x.kind {
	case verbatim:
		dropOwnNames(x.rw.Header())
		return response.Passed
	case anonymously:
		return x.arrivedAnonymous(status)
	}
	if status == http.StatusSwitchingProtocols && !(x.facts.Upgrade && x.before.MayPass()) {
		// A tunnel opens only for a user who may pass, and only if the request asked for it
		// (design rule G5).
		x.g.events.Decided(gate.Upgrade, "after", x.about(""))
		x.Withhold(gate.Upgrade, status, x.rw.Header())
		return response.Dropped
	}
	x.tunnels = status == http.StatusSwitchingProtocols
	if err := x.takeCookies(); err != nil {
		x.g.events.Failed("the portal's response was refused", err, x.about(""))
		x.Withhold(gate.Refuse, status, x.rw.Header())
		return response.Dropped
	}
	if x.closeTunnel == nil && x.end != nil && x.visit != nil && response.IsStream(x.rw.Header()) {
		x.closeTunnel = x.openTunnel() // an event stream that the request did not announce
	}
	facts := x.responseFacts(status)
	switch {
	case (gate.Checked(facts) || x.tunnels && !x.g.Rotates) && x.g.Identify == nil:
		return x.keepMode(facts)
	case x.Lost():
		x.withholdLost()
		return response.Dropped
	}
	if len(x.set) > 0 {
		x.presumes = x.presumable(facts.Changes)
		x.jar = x.jar.Apply(x.set)
		x.changes = append(x.changes[:len(x.changes):len(x.changes)], x.set...)
	}
	x.end.release()
	return response.Passed
}

// keepMode returns how a response is kept that must be checked, and prepares the check. It makes
// a request with a response like a sign-in's a changer, and notes whether the visit is unsettled
// after it.
func (x *exchange) keepMode(f gate.Response) response.Mode {
	x.detach()
	if gate.Suspect(f) && x.visit != nil && !x.exclusive {
		x.leaveSuspect = x.visit.Requests.Suspect()
		x.settles = x.settles || f.Redirect || f.SignIn
	}
	if f.Redirect && (x.exclusive || !x.before.MayPass() && !x.g.WatchUnsafe) {
		x.settles = true // the portal may save a sign-in after it has redirected
	}
	switch {
	case x.tunnels && x.before.MayPass():
		return response.CheckedNow
	case x.before.MayPass() && !x.exclusive && x.leaveSuspect == nil && !f.Overlapped:
		return response.KeptUnsettled
	}
	if x.mayChange() {
		return response.KeptWhole
	}
	return response.Kept
}

// detach replaces facts.R by a copy. Portions of a response are checked while the handlers behind
// the gate run, which may change their request; that one is kept in passedOn.
func (x *exchange) detach() {
	if x.passedOn != nil {
		return
	}
	x.passedOn = x.facts.R
	r := *x.facts.R
	u := *r.URL
	r.URL, r.Header = &u, r.Header.Clone()
	x.facts.R = &r
	x.questionHeader()
}

// responseFacts returns the facts by which gate.Checked decides whether the response is checked.
func (x *exchange) responseFacts(status int) gate.Response {
	after := x.jar.Apply(x.set)
	x.overlapped = x.visit != nil && !x.exclusive && x.visit.Requests.ChangersSince(x.mark, x.changers())
	return gate.Response{
		Before: x.before, Credentials: x.hasCredentials(), Unsafe: x.facts.Unsafe, SignIn: x.facts.SignIn,
		Unsettled: x.doubtful(), Overlapped: x.overlapped, Sets: counts(x.set), Changes: after.Key() != x.jar.Key(),
		Redirect:    status >= 300 && status < 400 && status != http.StatusNotModified,
		WatchUnsafe: x.g.WatchUnsafe, Rotates: x.g.Rotates,
	}
}

// takeCookies removes Set-Cookie from the response and parses it into set. Release writes the
// cookies to the browser, sealed.
func (x *exchange) takeCookies() (err error) {
	h := x.rw.Header()
	lines, ok := h["Set-Cookie"]
	if !ok {
		return nil
	}
	delete(h, "Set-Cookie")
	x.set, err = portal.Changes(lines, x.path, x.g.CookiePolicy, x.now)
	x.learn(x.set)
	return err
}

// counts reports whether any of the cookies could tell the portal who a user is.
func counts(set []portal.Change) bool {
	return slices.ContainsFunc(set, func(c portal.Change) bool { return !c.Delete && c.Class != portal.Public })
}

// arrivedAnonymous is Arrived for a request that was forwarded without credentials. Only an asset
// passes.
func (x *exchange) arrivedAnonymous(status int) response.Mode {
	h := x.rw.Header()
	delete(h, "Set-Cookie")
	ok := status == http.StatusOK || status == http.StatusPartialContent
	if ok = ok && route.IsAssetType(h.Get("Content-Type")); ok || status == http.StatusNotModified {
		return response.Passed
	}
	x.refuseAsset(status)
	return response.Dropped
}

// Check implements [response.Exchange]. It asks the portal which user the credentials belong to
// after the response, and decides whether what was kept is released. final says that the portal's
// response has ended; otherwise a portion is checked.
//
//  1. A portion of a response that may be a sign-in's is refused without a question.
//  2. readToken takes a new token from the response into the question.
//  3. The epochs are read, and whether the visit is settled. This comes before the question,
//     because the answer proves nothing about what happens after it was asked.
//  4. askAtEnd asks, and decideAfter decides.
//  5. If the response is released, prove records the epoch. A request with further portions then
//     lets the next exclusive request run.
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

// mixed reports whether an anonymous answer proves nothing about the response, because another
// request that ran beside this one may have signed a user in and out again. For an exclusive
// request, that is a shared one or one that yielded; its own sign-out explains the answer.
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
			x.visit.Answers.Restore(x.suspended, &key)
		}
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

// mayChange reports whether the request may change who is signed in, as far as its facts tell. In
// a visit such a request runs exclusive; without a visit its facts decide.
func (x *exchange) mayChange() bool {
	return x.exclusive || x.visit == nil && (x.facts.Unsafe || x.facts.SignIn)
}

// MustCheck implements [response.Exchange]. What a changer did is known only at the end of its
// response, which is therefore checked although everything was released.
func (x *exchange) MustCheck() bool { return x.mayChange() || x.leaveSuspect != nil }

// Release implements [response.Exchange]. It writes the cookies, and lets requests begin that
// wait for shared ones.
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
	x.g.events.Failed("a form's response was refused: what is kept of responses until their check uses up its room", spool.ErrFull, x.about(""))
}

// Panicked implements [response.Exchange].
func (x *exchange) Panicked(p any) {
	x.g.events.Panicked("checking a response panicked", p)
	x.voidAnswers()
}

// dropOwnNames removes the Set-Cookie lines with Secondgate's own names from the response to a
// request under `trust`, so that the portal can't replace Secondgate's cookies.
func dropOwnNames(h http.Header) {
	lines, ok := h["Set-Cookie"]
	if !ok {
		return
	}
	h["Set-Cookie"] = slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		name, _, _ := strings.Cut(line, "=")
		return portal.IsReserved(strings.TrimSpace(name))
	})
}
