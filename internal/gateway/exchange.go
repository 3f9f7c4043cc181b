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

// exchange is one request and its response. Its parts are in the order of their life
// times: what came in, the browser's visit, the portal's cookies, the user, the response.
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
	// question is the header that questions about the request start from; it is derived
	// from the request before other handlers change it, and nil until it is needed.
	question http.Header
	body     *spool.Spool
	// fillsIn says that the body has one of sign_in's fields.
	fillsIn bool
	// reading is how long the body took to arrive, waited how long before now the request came.
	reading, waited time.Duration

	browser
	cookies

	// answer tells who sent the request, before is what that means.
	answer *portal.Answer
	before gate.Standing
	// sessionsEnded is when the sessions of the user whom the last answer named were ended;
	// zero for never, and in a visit with a clearance for that user.
	sessionsEnded time.Time
	// owner is the user that a withheld response belongs to.
	owner string

	openness
	outgoing
}

// browser is the visit that a request belongs to.
type browser struct {
	names *portal.Names
	// host is the site that the browser addressed. Handlers behind may change the request's.
	host string
	// visit is nil for a stranger without any credentials; own says that it stands on the
	// browser's own cookie.
	visit *visits.Visit
	own   bool
	st    *visits.Standing
	keys  *portal.VisitKeys
	// foreign says that the request was taken out of the visit that its cookie names; see
	// isForeign.
	foreign bool
	// minted is the token of a visit that starts with this response, left the visit that the
	// request ran in until then, leftSignInEpoch the signInEpoch count of that at the time; see mint.
	minted          session.Token
	left            *visits.Visit
	leftSignInEpoch uint64
	// inTime is whether the clearance of the standing timed had not run out.
	timed  *visits.Standing
	inTime bool
}

// openness is how the request runs beside others of its visit.
type openness struct {
	// exclusive says that the request runs exclusive.
	exclusive bool
	// leave are to be called when the request is not open any more; yield lets other exclusive
	// requests run beside its response.
	leave, leaveSuspect, yield func()
	// shared is runs while the request counts as a shared one that runs, and released while
	// its response goes on; else 0.
	shared atomic.Int32
	// leaveMinted ends the request's place among the shared ones of a visit that it started.
	leaveMinted func()
	// mark is when the request began; version is the owner version that it stands on.
	mark    visits.Mark
	version uint64
	// proven is the visit's signInEpoch count that the response is known to be good for; unproven
	// says that it began while the visit was unsettled.
	proven   atomic.Uint64
	unproven atomic.Bool
	// beganUnsettled says that it began while the visit was unsettled, but for requests that
	// were given up long ago.
	beganUnsettled bool
	// overlapped says that another changer was open beside a shared request.
	overlapped bool
}

// outgoing is the response in flight.
type outgoing struct {
	out *response.Writer
	// kind is how the request was forwarded.
	kind forwarded
	// ground is the clearance that the response is released on; nil for none.
	ground *visits.Standing
	owing
	// closeTunnel takes the response off the list of tunnels; nil for what is none.
	closeTunnel func()
	// follows are the cookies that questions about the tunnel carry.
	follows *tunnelCookies
	// end finishes the request at the portal.
	end *finishing
	// set are the cookies that the response set. presumes says that they are presumed to be
	// a stranger's.
	set      []portal.Change
	presumes bool
	// suspended are a stranger's answers, until it is known what the request changed.
	suspended visits.Suspended
	// settles says that the visit is unsettled when the request is over.
	settles bool
	// abandoned says that the request was given up before its response had ended.
	abandoned bool
	// withheld says that the response is not released.
	withheld bool
	// cutOff says that the gate ended the response before the portal had.
	cutOff bool
	// asked says that the request put a question.
	asked bool
	// reached says that the request was sent on to the portal. passedOn is the request that the
	// handlers behind have, where the exchange's is another; see detach.
	reached  bool
	passedOn *http.Request
	// into is what may be put into the response, links that links may.
	into  insertion
	links bool
	// tunnels says that the response is a tunnel: the portal took the offer to leave HTTP.
	tunnels bool
}

// serve takes the request to the portal, and the response back.
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
	if status := x.facts.StripSessions(x.sessionName); status != 0 {
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
		x.mark, x.version = x.visit.Requests.Mark(), x.visit.Owner()
	}
	if err := x.enter(); errors.Is(err, errMoved) {
		return x.sendBack()
	} else if err != nil {
		return x.refuseError(err)
	}
	return x.decide()
}

// decide finds out who sent the request, and does what package gate says.
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
	a := gate.Before(gate.Request{
		Standing: x.before, Asset: x.facts.Asset, Upgrade: x.facts.Upgrade,
		GuestOnly: x.g.site.Rules.Guest != nil, GuestPath: x.facts.Guest,
	})
	switch a {
	case gate.Forward:
		if x.before.Cleared && x.st.Ended() { // while it was asked about
			return x.refuse(gate.Challenge)
		}
		return x.forward()
	case gate.ForwardAnonymous:
		return x.forwardAnonymous()
	}
	x.g.events.Decided(a, "before", x.about(""))
	return x.refuse(a)
}

// close frees what the request held.
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

// Over implements [response.Exchange]: the request is not open any more. ended says that
// the portal is done with it.
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

// The states of a shared request.
const (
	runs = iota + 1
	released
)

// leaveShared ends the request's place among the shared ones. The portal may still be at work
// on one that the gate cut off, and write a whole session back at its end: it counts for as long
// as the portal is given to finish a request.
func (x *exchange) leaveShared() {
	state, cut := x.shared.Swap(0), x.cutOff
	switch {
	case state == runs && cut:
		x.ranIn().Requests.ReleaseShared()
		time.AfterFunc(finishTime, x.ranIn().Requests.EndReleased)
	case state == runs:
		x.ranIn().Requests.LeaveShared()
	case state == released && cut:
		time.AfterFunc(finishTime, x.ranIn().Requests.EndReleased)
	case state == released:
		x.ranIn().Requests.EndReleased()
	}
	if x.leaveMinted != nil {
		x.leaveMinted()
	}
}

// passed reports whether the portal answered a user who may pass, or a trusted request.
func (x *exchange) passed() bool {
	return x.reached && (x.kind == verbatim || !x.g.BareAll && x.before.MayPass() && !x.out.Dropping())
}

// about is the request as an event's subject; without a user it is the answer's.
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

// timeRefusal counts a request that never got to the portal. The own pages are none:
// they work, as when a code is checked.
func (x *exchange) timeRefusal() {
	if !x.reached && x.g.events.Measures() && !x.g.site.Below(x.facts.Client.URL.Path) {
		x.g.events.NotForwarded(x.took())
	}
}

// took is how long the gate has had the request: without the time in which its body
// arrived, which is the client's.
func (x *exchange) took() time.Duration { return time.Since(x.now) + x.waited - x.reading }
