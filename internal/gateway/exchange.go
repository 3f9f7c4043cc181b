package gateway

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
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

	// Who it is.
	key    portal.Key
	answer *portal.Answer
	before gate.Standing
	// owner is the user that a withheld response belongs to.
	owner string

	// How it runs beside others of its visit.
	leave   func()
	settled func()
	started uint64
	overlap bool
	body    *spool
	// slot: the body takes one of Gateway.spools.
	slot bool

	// finished: it came to its end without a panic.
	finished bool

	// What runs beside it: see beside and exchange.mixed.
	counted *int
	stood   stand
	doubted bool
	hands   uint64
}

// traits are what a request's method, address and headers make of it.
type traits struct {
	unsafe, upgrade, stream, signIn bool
	asset, guestPath, credentials   bool
	// carries: a header that is a credential.
	carries bool
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
	if x.any(x.g.Rules.Deny) {
		return http.StatusForbidden
	}
	return 0
}

// any and all apply a rule to every reading of the request's path; no rule never holds.
func (x *exchange) any(rule Rule) bool { return rule != nil && rule.Any(x.r, x.readings) }
func (x *exchange) all(rule Rule) bool { return rule != nil && rule.All(x.r, x.readings) }

// connectionNames reports whether the Connection header names anything but
// connection options: Caddy would then take that header from the request, and the
// portal would see another request than whoami did.
func connectionNames(h http.Header) bool {
	for _, line := range h["Connection"] {
		for token := range strings.SplitSeq(line, ",") {
			switch strings.ToLower(strings.TrimSpace(token)) {
			case "", "keep-alive", "close", "upgrade", "te", "http2-settings":
			default:
				return true
			}
		}
	}
	return false
}

// extendedConnect reports whether a request opens a tunnel as RFC 8441 (HTTP/2) and
// RFC 9220 (HTTP/3) have it. Go's server says so in a header, quic-go in Proto.
func extendedConnect(r *http.Request) bool {
	if r.Method != http.MethodConnect {
		return false
	}
	return r.ProtoMajor == 2 && r.Header.Get(":protocol") != "" || r.ProtoMajor == 3 && r.Proto != "HTTP/3.0"
}

// stayOnHTTP1 turns an offer of HTTP/2 in the clear down. Some clients make it with any
// request, and it is no tunnel (RFC 9113 3.1 withdrew it).
func stayOnHTTP1(r *http.Request) {
	if strings.EqualFold(first(r.Header, "Upgrade"), "h2c") {
		delete(r.Header, "Upgrade")
		delete(r.Header, "Http2-Settings")
	}
}

// upgrades reports whether a request would leave HTTP. One with a body is first of
// all a request like any other, whatever it wishes to become.
func upgrades(r *http.Request) bool {
	return extendedConnect(r) || r.Header["Upgrade"] != nil && r.Method == http.MethodGet && !hasBody(r)
}

// stripSessions takes session ids out of the address, and then the rules must hold for
// what is left. It comes after open, because the names sealed in this visit matter, and
// returns a status, or 0.
func (x *exchange) stripSessions() int {
	stripped := route.StripSessionIDs(x.r.URL, x.jar.HasName)
	if stripped {
		x.r.RequestURI = x.r.URL.RequestURI()
	}
	// FastCGI makes REQUEST_URI from the address as it was before any rewrite.
	sameAddress := x.client.URL.RawQuery == x.r.URL.RawQuery && x.client.URL.Path == x.r.URL.Path
	if (stripped || !sameAddress) && x.client.URL != x.r.URL && route.StripSessionIDs(x.client.URL, x.jar.HasName) {
		stripped = true
	}
	if !stripped {
		return 0
	}
	return x.check()
}

// classify finds out what the request is, and takes out of it what no portal is to
// see: undeclared credentials, and trailers, which come when all is decided.
func (x *exchange) classify() {
	r, g := x.r, x.g
	x.key, x.carries = g.Headers.Take(r, x.client.Address)
	r.Trailer = nil
	stayOnHTTP1(r)
	x.findBody()
	x.upgrade = upgrades(r)
	x.stream = x.upgrade || strings.HasPrefix(first(r.Header, "Accept"), "text/event-stream")
	x.unsafe = !extendedConnect(r) && (!safeMethod(r.Method) || hasBody(r))
	x.signIn = x.any(g.Rules.SignIn) || x.any(g.Rules.SignOut) || route.HasParameter(r.URL.RawQuery, g.Rules.Fields)
	x.asset = !x.signIn && !x.navigation() && (route.IsAsset(r.Method, r.URL, hasBody(r)) || x.publicPath())
	x.guestPath = x.all(g.Rules.Guest)
	x.credentials = x.hasCredentials()
	if x.visit == nil && x.credentials {
		x.joinNameless()
	}
	if x.visit != nil {
		x.started, x.overlap = x.visit.queue.mark()
	}
}

func (x *exchange) publicPath() bool {
	return (x.r.Method == http.MethodGet || x.r.Method == http.MethodHead) && !hasBody(x.r) && x.all(x.g.Rules.Public)
}

// hasCredentials reports whether the portal could recognise somebody by the request.
func (x *exchange) hasCredentials() bool {
	return x.g.Identify != nil || !x.jar.Empty() || x.carries || route.HasParameter(x.r.URL.RawQuery, x.g.Queries)
}

// joinNameless gives a request that carries credentials but belongs to no visit a
// place for its answers and its turn: one for equal credentials from one address, so
// that strangers with the same header don't wait for each other. It has no clearance.
func (x *exchange) joinNameless() {
	jar := x.jar.Key()
	who := x.key.Extra + "\x00" + string(jar[:]) + "\x00" + x.client.Address
	if x.g.Identify != nil {
		who += "\x00" + x.g.Identify(x.r)
	}
	id := sha256.Sum256([]byte("credentials\x00" + who))
	x.visit = x.g.Visits.get(x.g.Realm, id, "")
	x.st = &standing{}
}

func safeMethod(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func hasBody(r *http.Request) bool {
	return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
}
