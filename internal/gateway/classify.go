package gateway

import (
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// traits are what a request's method, address and headers make of it.
type traits struct {
	unsafe, upgrade, stream, signIn bool
	asset, guestPath, credentials   bool
	// carries: a header that is a credential.
	carries bool
}

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
	x.findBody()
	x.weigh()
	if x.visit == nil && x.credentials {
		x.joinNameless()
	}
	if x.visit != nil {
		x.started, x.overlap = x.visit.queue.mark()
	}
}

// weigh is classify without the visit. It has no effect but on the request's headers.
func (x *exchange) weigh() {
	r, g := x.r, x.g
	x.queried = x.declaredQueries()
	x.key, x.carries = x.takeKey(r)
	r.Trailer = nil
	stayOnHTTP1(r)
	x.upgrade = upgrades(r)
	x.stream = x.upgrade || strings.HasPrefix(first(r.Header, "Accept"), "text/event-stream")
	x.unsafe = !extendedConnect(r) && (!safeMethod(r.Method) || hasBody(r))
	x.signIn = x.any(g.Rules.SignIn) || x.any(g.Rules.SignOut) || route.HasParameter(r.URL.RawQuery, g.Rules.Fields)
	if x.signIn && g.WatchUnsafe && !x.live() && x.showsForm() {
		x.signIn = false
	}
	x.classifyToken()
	x.asset = !x.signIn && !x.navigation() && (route.IsAsset(r.Method, r.URL, hasBody(r)) || x.publicPath())
	x.guestPath = x.all(g.Rules.Guest)
	x.credentials = x.hasCredentials()
}

// takeKey is Headers.Take, with the declared parameters of the query in the key.
func (x *exchange) takeKey(r *http.Request) (portal.Key, bool) {
	key, carries := x.g.Headers.Take(r, x.client.Address)
	key.Query = portal.Short(x.queried)
	return key, carries
}

// declaredQueries are the parameters of the query that are declared as credentials, as
// they were sent. Questions have them too, or nobody would be asked about them.
func (x *exchange) declaredQueries() string {
	query := x.r.URL.RawQuery
	if len(x.g.Queries) == 0 || query == "" {
		return ""
	}
	var found []string
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		if route.HasParameter(pair, x.g.Queries) {
			found = append(found, pair)
		}
	}
	return strings.Join(found, "&")
}

func (x *exchange) publicPath() bool {
	return (x.r.Method == http.MethodGet || x.r.Method == http.MethodHead) && !hasBody(x.r) && x.all(x.g.Rules.Public)
}

// hasCredentials reports whether the portal could recognise somebody by the request.
func (x *exchange) hasCredentials() bool {
	return x.g.Identify != nil || !x.jar.Empty() || x.carries || x.queried != ""
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
