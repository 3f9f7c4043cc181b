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

// signInPause is how long an anonymous answer about a declared sign-in's response waits
// to be confirmed: portals may commit a sign-in a moment after their response.
const signInPause = 250 * time.Millisecond

// Arrived implements [response.Exchange]: it takes the portal's cookies out of the
// response, and says whether the response goes on at once.
func (x *exchange) Arrived(status int) response.Mode {
	switch x.kind {
	case verbatim:
		dropOwnNames(x.rw.Header())
		return response.Passed
	case anonymously:
		return x.arrivedAnonymous(status)
	}
	if status == http.StatusSwitchingProtocols && !(x.facts.Upgrade && x.before.MayPass()) {
		// No tunnel for strangers (design rule G5), asked for or not.
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
		x.closeTunnel = x.openTunnel() // asked for without saying so
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

// keepMode says how a response that has to be checked is kept.
func (x *exchange) keepMode(f gate.Response) response.Mode {
	x.detach()
	if gate.Suspect(f) && x.visit != nil && !x.exclusive {
		x.leaveSuspect = x.visit.Requests.Suspect()
		x.settles = x.settles || f.Redirect || f.SignIn
	}
	if f.Redirect && (x.exclusive || !x.before.MayPass() && !x.g.WatchUnsafe) {
		x.settles = true // it may be a sign-in that is saved late
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

// detach gives the exchange a request of its own: portions of a response are checked beside
// the handlers behind, which may change theirs.
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

// takeCookies takes Set-Cookie out of the response and reads it.
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

// arrivedAnonymous lets an asset pass that was fetched without credentials, and nothing
// else.
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

// Check implements [response.Exchange].
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
		return gate.Refuse // the portal may know the renewed session at the end only
	}
	action := x.decideAfter(a, s, epoch)
	if action == gate.Forward {
		x.prove(signInEpoch, settled)
		if !final && x.yield != nil {
			x.yield() // what follows is checked, be it beside another form
		}
		if !final && settled && x.before.MayPass() && !x.mayChange() {
			x.end.release() // what follows passes, and ends with its client
		}
	}
	return action
}

// awaitsSignIn reports whether the request sent something to a declared sign-in that the
// answer does not show: it names no other user than before, or one that an earlier
// request may have signed in.
func (x *exchange) awaitsSignIn(a *portal.Answer) bool {
	return x.sendsSignIn() && (a.Kind == gate.Anonymous || a.Kind == gate.User && (a.User == x.answer.User || x.unsettled()))
}

// sendsSignIn reports whether the request sent something to a declared sign-in, or one of
// its fields elsewhere.
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

// askAfter puts questions that begin now. Without credentials none is needed.
func (x *exchange) askAfter(s subject) *portal.Answer {
	if s.jar.Empty() && !s.carries {
		return strangers
	}
	return x.ask(context.WithoutCancel(x.facts.R.Context()), s)
}

// askAtEnd puts the questions about a response. Those about a declared sign-in are put once
// more where they do not show it: the portal may commit it a moment later. The first ones
// do not wait for that, because another browser's sign-in may end this session meanwhile.
func (x *exchange) askAtEnd(s subject, final bool) *portal.Answer {
	first := x.askAfter(s)
	if !final || !x.awaitsSignIn(first) || x.owes(first) {
		return first
	}
	time.Sleep(signInPause)
	if counts(x.set) && len(first.Changes) > 0 && !x.g.Rotates {
		// The portal may have begun another session for one that it did not know yet.
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

// owes reports whether the answer names a user who owes a code: nothing that happens later
// makes the response another user's.
func (x *exchange) owes(a *portal.Answer) bool {
	st, err := x.standingOf(context.WithoutCancel(x.facts.R.Context()), a)
	return err == nil && st.Owes()
}

// decideAfter weighs the answer about a response. Cookies are kept whatever comes of it,
// unless it is not known which user they belong to.
func (x *exchange) decideAfter(a *portal.Answer, s subject, epoch uint64) gate.Action {
	// A browser that goes away is no failure of the store's.
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
	// The portal signed the user in on nothing but cookies of sessions that ended, or on a page
	// to which nothing was sent that signs in.
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

// mixed reports whether an anonymous answer proves nothing about a response, because
// another request may have signed a user in and out beside it. An exclusive request is
// doubted where it could be such a sign-in itself, or ran beside one that yielded.
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

// doubted reports whether the response to a declared sign-in or sign-out may have been made
// for another user than the answer names: an earlier request may be committed later than a
// sign-in, and a form that yielded its turn just before a sign-out.
func (x *exchange) doubted() bool {
	if !x.exclusive {
		return false
	}
	return x.beganUnsettled && x.sendsSignIn() || x.facts.SignOut && x.visit.Requests.OthersSince(x.mark)
}

// changeOwner ends what stood on the visit's user until now: its clearance, its tunnels,
// and its answers. What was kept for other cookies of the visit may have changed with it:
// an old session id that lives on is the new user's too. Responses that started under the
// old owner version are dropped. It returns the epoch in which an answer of the given one
// is still good.
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

// bumpOwner increments the owner version. This response stands on what was found out,
// unless another request found a change before it; a declared sign-out that left no user
// signed in stands all the same.
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

// keepAfter keeps the answer for the visit's next request.
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

// Lost implements [response.Exchange]: the clearance ended, the visit's user changed, or a
// user without clearance owes a factor by now.
func (x *exchange) Lost() bool {
	if x.kind != gated {
		return false
	}
	return x.ground != nil && x.ground.Ended() || x.visit != nil && x.visit.Owner() != x.version ||
		x.end != nil && x.end.closed.Load() || x.owesNow()
}

// Unsettled implements [response.Exchange].
func (x *exchange) Unsettled() bool {
	if x.kind != gated || x.g.Identify != nil || x.tunnels {
		return false
	}
	return x.doubtful()
}

// Settled implements [response.Exchange].
func (x *exchange) Settled() bool { return !x.unsettled() }

// doubtful reports whether who is signed in may have changed since the answer that the
// response stands on: the visit is unsettled, or was so since.
func (x *exchange) doubtful() bool {
	if x.visit == nil || x.g.Rotates {
		return false
	}
	if x.left != nil && x.left.Requests.SignInEpoch() != x.leftSignInEpoch {
		return true
	}
	return x.unproven.Load() || x.visit.Requests.SignInEpoch() != x.proven.Load()+uint64(x.changers()) || x.unsettled()
}

// prove notes that a question which began when the signInEpoch count was that proved the
// response good. Only one that began in a settled visit does so for good.
func (x *exchange) prove(signInEpoch uint64, settled bool) {
	if x.visit != nil && settled {
		x.proven.Store(signInEpoch - uint64(x.changers()))
		x.unproven.Store(false)
	}
}

// mayChange reports whether the request may change who is signed in, as far as its facts
// tell. A stranger's that belongs to no visit runs beside no others.
func (x *exchange) mayChange() bool {
	return x.exclusive || x.visit == nil && (x.facts.Unsafe || x.facts.SignIn)
}

// MustCheck implements [response.Exchange]: what an exclusive request did is found out at
// its end.
func (x *exchange) MustCheck() bool { return x.mayChange() || x.leaveSuspect != nil }

// Release implements [response.Exchange].
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

// dropOwnNames takes Set-Cookie lines with names of Secondgate's own out of a
// response that passes verbatim.
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
