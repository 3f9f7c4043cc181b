package gateway

import (
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/event"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/response"
	"github.com/secondgate/secondgate/internal/gateway/spool"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
)

// exchange is one request and its response. Gateway.serve makes one for each request. The fields
// are grouped by life time: the request, the browser's visit, the portal's cookies, the answer
// about the user, the place among the visit's other requests (openness), the response in flight
// (outgoing).
type exchange struct {
	g    *Gateway
	next Next
	rw   http.ResponseWriter
	now  time.Time

	// facts are about the request; path is its path as it is forwarded.
	facts request.Facts
	path  string
	// ownPage says that the request is for an own page.
	ownPage bool
	// question is the header that questions about the request start from. questionHeader derives
	// it from the request before the handlers behind the gate can change it. Nil until a question
	// is needed.
	question http.Header
	// body is the request's body after readBody has kept it; nil before, or if there is none.
	body *spool.Spool
	// fillsIn says that the body has one of the fields that `sign_in` names.
	fillsIn bool
	// reading is how long the body took to arrive. waited is how long before now the request
	// came: lookAtClock moves now forward. took computes the gate's own time from them.
	reading, waited time.Duration

	browser
	cookies

	// answer is the last answer to the question which user sent the request. before is the
	// standing that follows from it under clearance and policy. decideAfter replaces both when it
	// releases a response to a user.
	answer *portal.Answer
	before gate.Standing
	// sessionsEnded is when all sessions of the user in the last answer were ended. It is zero if
	// they never were, and in a visit with a clearance for that user.
	sessionsEnded time.Time
	// owner is the user that a withheld response belongs to: the one who has to pass the
	// challenge.
	owner string

	openness
	outgoing
}

// browser is the visit that a request belongs to.
type browser struct {
	names *portal.Names
	// host is the site that the browser addressed. The handlers behind the gate may change the
	// request's Host.
	host string
	// visit is nil for a stranger without any credentials. own says that it was found by the
	// browser's own visit cookie; it is false for a nameless visit (joinNameless).
	visit *visits.Visit
	own   bool
	// st is the state of the visit's token: its clearance, if any, and whether it was revoked.
	st   *visits.Standing
	keys *portal.VisitKeys
	// foreign says that leaveOwn took the request out of the visit that its cookie names.
	foreign bool
	// over says that the visit that its cookie names has ended; see becomeStranger.
	over bool
	// minted is the token of the visit that this response starts; empty if it starts none. left
	// is the visit in which the request ran until then, and leftSignInEpoch the sign-in epoch of
	// left at that moment. See mint.
	minted          session.Token
	left            *visits.Visit
	leftSignInEpoch uint64
	// timed is the standing for which live last compared the time. inTime is the result: its
	// clearance had not expired.
	timed  *visits.Standing
	inTime bool
}

// openness holds how the request runs concurrently with others of its visit: its turn, its
// counters, and the epochs that its response is checked against.
type openness struct {
	// exclusive says that the request runs exclusive.
	exclusive bool
	// leave ends the turn of an exclusive request. leaveSuspect ends a shared request's place
	// among the changers, which it has from the moment when its response looks like a sign-in's.
	// yield lets the next exclusive request run although this response goes on. Each is nil if it
	// does not apply. Over calls the first two.
	leave, leaveSuspect, yield func()
	// shared is runs or released while the visit counts the request as a shared one, else 0.
	// leaveShared sets it back to 0.
	shared atomic.Int32
	// leaveMinted ends the request's place among the shared requests of the visit that it
	// started; see mint.
	leaveMinted func()
	// mark is the point in the visit's time at which the request began; it shows which other
	// requests overlap this one. version is the owner version under which the response may be
	// released; Lost compares it with the visit's.
	mark    visits.Mark
	version uint64
	// proven is a sign-in epoch of the visit, not counting this request itself. A question that
	// began in this epoch has shown that the response may be released. doubtful compares it with
	// the present epoch. unproven says that the visit was unsettled when the request began, and
	// that no question in a settled visit has been answered since; see prove.
	proven   atomic.Uint64
	unproven atomic.Bool
	// beganUnsettled says that the visit was unsettled when the request began, in the sense of
	// unsettledWithoutSlow.
	beganUnsettled bool
	// overlapped says that another changer was open while this shared request ran.
	overlapped bool
}

// outgoing is the response in flight.
type outgoing struct {
	// out is what the handlers behind the gate write to; nil before run. It points to outRoom,
	// which is part of the exchange to save an allocation.
	out     *response.Writer
	outRoom response.Writer
	// kind is how the request was forwarded.
	kind forwarded
	// ground is the standing with the clearance that the response is released on. It is nil if
	// the user needs none. When that clearance ends, Lost reports true and the rest of the
	// response is withheld.
	ground *visits.Standing
	owing
	// closeTunnel removes the response from the list of open tunnels. Nil if it is no tunnel.
	closeTunnel func()
	// follows are the cookies that questions about the open tunnel carry.
	follows *tunnelCookies
	// end is the context of the request at the portal. It outlives the client; see finishing.
	end *finishing
	// set are the cookies that the response set, until decideAfter takes them into the jar.
	// presumes says that presume records the resulting credentials as a stranger's.
	set      []portal.Change
	presumes bool
	// suspended are the visit's anonymous answers, which forward removed from the cache.
	// keepAfter restores them if the request changed nothing.
	suspended visits.Suspended
	// settles says that the visit is unsettled for `settle` after the request has ended; Over
	// calls unsettle then.
	settles bool
	// found says that the question about the response named a user.
	found bool
	// abandoned says that the request ended before its response was complete.
	abandoned bool
	// pauses says that the request ends after retryPause only.
	pauses bool
	// withheld says that the gate answered in place of the response.
	withheld bool
	// cutOff says that the gate ended the response before the portal had. The portal may then
	// still execute the request; see leaveShared.
	cutOff bool
	// asked says that the portal was asked about this request or its response; see put.
	asked bool
	// reached says that the request was sent on to the portal. passedOn is the request that the
	// handlers behind the gate have, once detach has replaced facts.R by a copy; nil before.
	reached  bool
	passedOn *http.Request
	// into is what may be inserted into the response. links says that this includes links, which
	// are for signed-in users.
	into  insertion
	links bool
	// tunnels says that the response is a tunnel: the portal answered an upgrade with 101.
	tunnels bool
}

// serve handles one request. The order matters:
//
//  1. A request for an own page goes to servePages.
//  2. Begin refuses a malformed request, and what `deny` forbids. A request under `trust` is
//     forwarded as it came.
//  3. open finds the visit and opens the cookies. A request with a token that was rotated a
//     moment ago is sent back.
//  4. StripSessions removes undeclared session ids from the address; Classify completes the
//     facts.
//  5. A request that another site caused is taken out of the visit. Credentials without a visit
//     get a nameless one.
//  6. enter waits for the turn of a request that may change who is signed in.
//  7. decide asks the portal, and acts on the answer.
func (x *exchange) serve(r *http.Request, c Client) error {
	x.facts.R, x.facts.Client, x.facts.Site = r, c, x.g.site
	x.weighed.Store(uint32(x.g.Visits.Tunnels.Changes()))
	x.st = &visits.NoStanding
	if x.g.site.Below(c.URL.Path) {
		return x.servePages()
	}
	if status := x.facts.Begin(x.g.site, r, c); status != 0 {
		return x.refuseStatus(status)
	}
	if x.facts.All(x.g.site.Rules.Trust) {
		return x.forwardVerbatim()
	}
	if err := x.open(); err != nil {
		return x.refuseError(err)
	}
	if x.st.Revoked() && x.justRevoked() {
		return x.sendBack()
	}
	if status := x.facts.StripSessions(x.sessionParameter); status != 0 {
		return x.refuseStatus(status)
	}
	request.FindBody(x.rw, r)
	x.facts.Classify(x.live())
	x.path = r.URL.Path
	if x.own && x.isForeign() {
		x.leaveOwn()
	}
	if x.visit == nil && x.hasCredentials() {
		x.joinNameless()
	}
	if x.visit != nil {
		x.version = x.visit.Owner()
	}
	if err := x.enter(); errors.Is(err, errMoved) {
		return x.sendBack()
	} else if err != nil {
		return x.refuseError(err)
	}
	return x.decide()
}

// decide is the rest of serve, once the request has its turn:
//
//  1. checkBody refuses session ids in the body.
//  2. awaitRest waits for earlier requests that may still change who is signed in.
//  3. serveAnonymously answers with an asset that everybody gets.
//  4. begin counts the request among those of its visit.
//  5. identifyBefore asks the portal which user sent it.
//  6. awaitSignIn waits for an earlier sign-in, and asks again.
//  7. gate.Before decides whether it is forwarded.
func (x *exchange) decide() error {
	if status, err := x.checkBody(); err != nil {
		return x.refuseError(err)
	} else if status != 0 {
		return x.refuseStatus(status)
	}
	if err := x.awaitRest(); err != nil {
		return x.refuseError(err)
	}
	if x.serveAnonymously() {
		return nil
	}
	if err := x.begin(); err != nil {
		return x.refuseError(err)
	}
	x.expectPage()
	if err := x.identifyBefore(); err != nil {
		return x.refuseError(err)
	}
	if err := x.awaitSignIn(); err != nil {
		return x.refuseError(err)
	}
	a := gate.Before(gate.Request{
		Standing: x.before, Asset: x.facts.Asset, Upgrade: x.facts.Upgrade,
		GuestOnly: x.g.site.Rules.Guest != nil, GuestPath: x.facts.Guest,
	})
	switch a {
	case gate.Forward:
		if x.before.Cleared && x.st.Ended() { // it ended while the portal was asked
			return x.refuse(gate.Challenge)
		}
		return x.forward()
	case gate.ForwardAnonymous:
		return x.forwardAnonymous()
	}
	x.g.events.Decided(a, "before", x.about(""))
	return x.refuse(a)
}

// close frees what the request held. Gateway.serve calls it last, also after a panic.
func (x *exchange) close() {
	x.Over(true)
	if x.body != nil {
		x.body.Close()
	}
	if x.out != nil {
		x.out.Shut()
	}
	for _, v := range [...]*visits.Visit{x.left, x.visit} {
		if v != nil {
			v.Release()
		}
	}
}

// Over implements [response.Exchange]. It makes the visit unsettled where `settles` says so, and
// ends the request's place among the changers. With ended, the portal is done with the request,
// which then no longer counts as a shared one either. Over may be called more than once.
func (x *exchange) Over(ended bool) {
	if x.visit != nil {
		x.unsettle(x.left)
		x.unsettle(x.visit)
		x.settles = false
	}
	if ended {
		x.leaveShared()
	}
	for _, leave := range []func(){x.leave, x.leaveSuspect} {
		if leave != nil {
			leave()
		}
	}
}

// The states of a shared request: requests that bar others wait for one that runs, but not for
// one with a released response.
const (
	runs = iota + 1
	released
)

// leaveShared ends the request's place among the shared ones. If the gate cut the response off,
// the portal may still execute the request, and write a whole session back at its end. Such a
// request is counted for finishTime longer.
func (x *exchange) leaveShared() {
	state, cut := x.shared.Swap(0), x.cutOff
	switch {
	case state == runs && cut:
		x.ranIn().Requests.ReleaseShared()
		x.ranIn().Requests.CutOff(finishTime)
	case state == runs:
		x.ranIn().Requests.LeaveShared()
	case state == released && cut:
		x.ranIn().Requests.CutOff(finishTime)
	case state == released:
		x.ranIn().Requests.EndReleased()
	}
	if x.leaveMinted != nil {
		x.leaveMinted()
	}
}

// passed reports whether the portal answered a trusted request or, without BareAll, a user who
// may pass. From all other requests Gateway.serve removes the credentials; see Options.Bare.
func (x *exchange) passed() bool {
	return x.reached && (x.kind == verbatim || !x.g.BareAll && x.before.MayPass() && !x.out.Dropping())
}

// about returns the request as the subject of an event. If user is empty, it is the owner of a
// withheld response, or else the user of the last answer.
func (x *exchange) about(user string) event.Subject {
	if user == "" {
		user = x.owner
	}
	if user == "" && x.answer != nil {
		user = x.answer.User
	}
	return event.Subject{
		At: x.now, User: user, Address: x.facts.Client.Address, Agent: x.facts.R.UserAgent(), Path: x.facts.Client.URL.Path,
	}
}

// timeRefusal counts, for the metrics, how long the gate took to answer a request that did not
// reach the portal. Own pages are left out, because they do work of their own, such as the check of
// a code.
func (x *exchange) timeRefusal() {
	if !x.reached && x.g.events.Measures() && !x.g.site.Below(x.facts.Client.URL.Path) {
		x.g.events.NotForwarded(x.took())
	}
}

// took is the time since the request arrived, without the time in which the client sent the body.
func (x *exchange) took() time.Duration { return time.Since(x.now) + x.waited - x.reading }
