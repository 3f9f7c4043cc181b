package gateway

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/session"
)

// exchange is one request on its way through the house, and its response.
type exchange struct {
	g      *Gateway
	r      *http.Request
	rw     *responseWriter
	client Client
	next   Next
	now    time.Time
	names  *portal.Names
	// site is the host and port that the browser addressed. Handlers behind the gate may
	// change the request's.
	site string

	// What the request is.
	traits
	// readings are the ways in which servers could read its path.
	readings []string
	room     [2]string

	// Whose visit it is. visit is nil for a stranger without any credentials; browser
	// says that it stands on the browser's own cookie.
	visit   *visit
	browser bool
	st      *standing
	keys    *portal.VisitKeys
	minted  session.Token
	// inTime is whether the clearance of the standing timed had not run out.
	timed  *standing
	inTime bool

	// sent is the jar as the browser sent it, jar as it stands now; changes are what
	// was set since, gone what was taken out, stale what never opened.
	sent, jar *portal.Jar
	changes   []portal.Change
	gone      []portal.Cookie
	stale     []portal.Stale

	// Who it is. queried are the credentials in the query, as they were sent.
	queried string
	key     portal.Key
	answer  *portal.Answer
	before  gate.Standing
	// presumes: what the response changed is presumed a stranger's.
	presumes bool
	// reads find the token in the response to a sign-in that answers with one.
	reads []*whoami.Token
	// owner is the user that a withheld response belongs to.
	owner string

	// How it runs beside others of its visit.
	leave   func()
	settled func()
	started uint64
	overlap bool
	body    *spool
	// slot: the body takes one of Gateway.spools. reading is how long it took to arrive.
	slot    bool
	reading time.Duration

	// into is what may be put into the response.
	into insertion

	// reached: it was sent on to the portal. finished: it came to its end without a panic.
	reached, finished bool

	// What runs beside it: see beside and exchange.mixed.
	counted *int
	stood   stand
	doubted bool
	hands   uint64
}

// serve takes the request through the stations of design.md, "One request, through
// the house".
func (x *exchange) serve() error {
	if x.below(x.client.URL.Path) {
		return x.servePages()
	}
	if status := x.check(); status != 0 {
		return x.refuseStatus(status)
	}
	if x.all(x.g.Rules.Trust) {
		return x.verbatim()
	}
	if err := x.open(); err != nil {
		return x.refuseError(err)
	}
	if x.st.dead() && x.straggles() {
		return x.turnStraggler()
	}
	if status := x.stripSessions(); status != 0 {
		return x.refuseStatus(status)
	}
	x.classify()
	if err := x.enter(); errors.Is(err, errMoved) {
		return x.turnStraggler()
	} else if err != nil {
		return x.refuseError(err)
	}
	if status, err := x.checkBody(); err != nil {
		return x.refuseError(err)
	} else if status != 0 {
		return x.refuseStatus(status)
	}
	if err := x.standBeside(); err != nil {
		return x.refuseError(err)
	}
	if err := x.identifyBefore(); err != nil {
		return x.refuseError(err)
	}
	return x.carryOut(gate.Before(gate.Request{
		Standing: x.before, Asset: x.asset, Upgrade: x.upgrade,
		GuestOnly: x.g.Rules.Guest != nil, GuestPath: x.guestPath,
	}))
}

// carryOut does what was decided before the portal is reached.
func (x *exchange) carryOut(a gate.Action) error {
	switch a {
	case gate.Forward:
		return x.forward()
	case gate.Bare:
		return x.forwardBare()
	}
	x.g.logRefusal(x, a, "before")
	return x.refuse(a)
}

// close frees what the request held.
func (x *exchange) close() {
	x.giveUpTurn()
	if x.body != nil {
		x.body.Close()
	}
	if x.slot {
		<-x.g.spools
	}
	if x.visit != nil {
		x.visit.release()
	}
	x.recycle()
}

// recycle gives the exchange back, empty, for another request, where nobody can have
// kept it: not the pages, no judgement and no tunnel. The writer that the handlers
// behind saw is not reused, and lets nothing through any more.
func (x *exchange) recycle() {
	if !x.finished || x.rw.pending != nil || x.stream || x.below(x.client.URL.Path) {
		return
	}
	x.rw.shut()
	*x = exchange{}
	exchanges.Put(x)
}

func (x *exchange) giveUpTurn() {
	if x.leave != nil {
		x.leave()
	}
	if x.settled != nil {
		x.settled()
	}
	if x.counted != nil {
		x.visit.beside.fall(x.counted)
		x.counted = nil
	}
}

// below reports whether a path is one of the own pages'.
func (x *exchange) below(path string) bool {
	rest, ok := strings.CutPrefix(path, x.g.Path)
	return ok && (rest == "" || rest[0] == '/')
}

// check refuses what no rule can be sure of, and what `deny` shuts. It returns a
// status, or 0.
func (x *exchange) check() int {
	r := x.r
	if r.Method == http.MethodTrace || r.Method == http.MethodConnect && !extendedConnect(r) {
		return http.StatusMethodNotAllowed // TRACE would send the portal's cookies back
	}
	if connectionNames(r.Header) {
		return http.StatusBadRequest
	}
	readings, ok := route.Variants(x.room[:0], x.client.URL.Path)
	if ok && r.URL != x.client.URL && r.URL.Path != x.client.URL.Path {
		readings, ok = route.Variants(readings, r.URL.Path)
	}
	if !ok {
		return http.StatusBadRequest
	}
	x.readings = readings
	if x.any(x.g.Rules.Deny) || x.tokenBeside() {
		return http.StatusForbidden
	}
	return 0
}

// any and all apply a rule to every reading of the request's path; no rule never holds.
func (x *exchange) any(rule Rule) bool { return rule != nil && rule.Any(x.r, x.readings) }
func (x *exchange) all(rule Rule) bool { return rule != nil && rule.All(x.r, x.readings) }
