package request

import (
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// Facts are the facts about one request that are known before it is forwarded.
type Facts struct {
	Site   *Site
	Client Client
	// R is the request that will be forwarded. Strip and Classify remove parts of it.
	R *http.Request
	// Readings are the ways in which servers could read its path.
	Readings []string
	room     [2]string

	// Unsafe requests may change something: by their method, or because they have a body.
	Unsafe bool
	// Upgrade requests leave HTTP, as a WebSocket does. Stream is Upgrade or a
	// request for an event stream.
	Upgrade, Stream bool
	// SignIn says that the request is a declared sign-in or sign-out, or that its query has
	// one of sign_in's field names. FillsIn says that it sends something to a declared
	// sign-in. SignOut says that it is a declared sign-out under some reading, Leaves that
	// it is one however it is read, and no declared sign-in.
	SignIn, FillsIn, SignOut, Leaves bool
	// Form says that the request is for a page that shows a sign-in form, under `watch unsafe`.
	Form bool
	// Asset says that the path and query look like a public asset's, or that `public` names
	// them. Guest says that `guest` does.
	Asset, Guest bool

	// Queried are the declared parameters of the query, as they were sent.
	Queried string
	// Pins are what an answer depends on besides the cookies.
	Pins portal.Pins
	// Carries says that a header, a declared parameter or the server itself (Client.Identity)
	// tells the portal who sent the request.
	Carries bool
	// Tokens find the token in the response to a sign-in that answers with one.
	Tokens []*whoami.Token
}

// Begin sets the facts that don't depend on the cookies. A status other than 0 refuses the
// request: because of its method, its Connection header, an ambiguous path, an undeclared token
// in the query, or `deny`.
func (f *Facts) Begin(s *Site, r *http.Request, c Client) (status int) {
	f.Site, f.Client, f.R = s, c, r
	return f.check()
}

// maxWork bounds, in bytes, what rules read of a query: it times the readings of the path.
const maxWork = 256 << 10

func (f *Facts) check() int {
	r := f.R
	if r.Method == http.MethodTrace || r.Method == http.MethodConnect {
		return http.StatusMethodNotAllowed // TRACE would send the portal's cookies back
	}
	if ConnectionNames(r.Header) || !strings.HasPrefix(r.URL.Path, "/") || !strings.HasPrefix(f.Client.URL.Path, "/") {
		return http.StatusBadRequest // the path of cookies begins with a slash
	}
	readings, ok := route.Variants(f.room[:0], f.Client.URL.Path)
	if ok && r.URL != f.Client.URL && r.URL.Path != f.Client.URL.Path {
		readings, ok = route.Variants(readings, r.URL.Path)
	}
	if !ok || len(readings)*len(r.URL.RawQuery) > maxWork {
		return http.StatusBadRequest
	}
	f.Readings = readings
	if f.Any(f.Site.Rules.Deny) || f.tokenInQuery() {
		return http.StatusForbidden
	}
	return 0
}

// Any reports whether a rule holds for some reading of the request's path. It is for rules that
// refuse. A nil rule never holds.
func (f *Facts) Any(rule Rule) bool { return rule != nil && rule.Any(f.R, f.Readings) }

// All reports whether a rule holds for all readings of the request's path. It is for rules that
// permit.
func (f *Facts) All(rule Rule) bool { return rule != nil && rule.All(f.R, f.Readings) }

// StripSessions removes session ids from the address: those with usual names, and those
// that named reports. The rules must then hold for what is left; the status is as in Begin.
func (f *Facts) StripSessions(named func(name string) bool) (status int) {
	stripped := route.StripSessionIDs(f.R.URL, named)
	if stripped {
		f.R.RequestURI = f.R.URL.RequestURI()
	}
	// FastCGI makes REQUEST_URI from the address as it was before any rewrite.
	sameAddress := f.Client.URL.RawQuery == f.R.URL.RawQuery && f.Client.URL.Path == f.R.URL.Path
	if (stripped || !sameAddress) && f.Client.URL != f.R.URL && route.StripSessionIDs(f.Client.URL, named) {
		stripped = true
	}
	if !stripped {
		return 0
	}
	return f.check()
}

// Classify completes the facts, and removes from the request what the portal must not see:
// undeclared credentials, malformed hop headers, and trailers, which arrive after the decision.
// cleared says that the visit has a clearance.
func (f *Facts) Classify(cleared bool) {
	r, s := f.R, f.Site
	f.Queried = f.declaredQueries()
	f.takePins(r)
	r.Trailer = nil
	dropUpgrade(r)
	f.Upgrade = upgrades(r)
	f.Stream = f.Upgrade || strings.HasPrefix(First(r.Header, "Accept"), "text/event-stream")
	f.Unsafe = !SafeMethod(r.Method) || HasBody(r)
	f.SignOut = f.Any(s.Rules.SignOut)
	declared := f.Any(s.Rules.SignIn)
	f.FillsIn = f.Unsafe && declared
	declared = declared || route.HasParameter(r.URL.RawQuery, s.Rules.Fields)
	f.SignIn = declared || f.SignOut
	f.Leaves = f.SignOut && !declared && f.All(s.Rules.SignOut)
	f.Form = s.WatchUnsafe && !cleared && f.showsForm()
	f.SignIn = f.SignIn && !f.Form
	f.classifyToken()
	// Credentials that the server itself adds can't be removed from a request. Therefore no
	// exemption may skip the question about them. The same holds with `user {placeholder}`: only
	// that placeholder distinguishes a stranger from a user (design rule Q4).
	f.Asset = !f.SignIn && !f.Navigation() && s.Identify == nil && !f.Client.added() && (route.IsAsset(r.Method, r.URL, HasBody(r)) || f.publicPath())
	f.Guest = f.All(s.Rules.Guest)
}

// ClassifyPage is Classify for a request for an own page.
func (f *Facts) ClassifyPage() {
	f.Unsafe = !SafeMethod(f.R.Method) || HasBody(f.R)
	f.Queried = f.declaredQueries()
	f.takePins(f.R)
}

func (f *Facts) takePins(r *http.Request) {
	f.Pins, f.Carries = f.PinsOf(r)
}

// PinsOf is [portal.Headers.Take] with everything else that an answer depends on.
func (f *Facts) PinsOf(r *http.Request) (pins portal.Pins, carries bool) {
	pins, carries = f.Site.Headers.Take(r, f.Client.Address)
	c := &f.Client
	pins.Query, pins.Placeholders = portal.Short(f.Queried), c.Placeholders
	pins.Identity = c.Identity
	return pins, carries || f.Queried != "" || c.added()
}

// declaredQueries are the parameters of the query that are declared as credentials, as
// they were sent. Questions have them too.
func (f *Facts) declaredQueries() string {
	query := f.R.URL.RawQuery
	if len(f.Site.Queries) == 0 || query == "" {
		return ""
	}
	var found []string
	for pair := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		if route.HasParameter(pair, f.Site.Queries) {
			found = append(found, pair)
		}
	}
	return strings.Join(found, "&")
}

// DeclaredQuery reports whether a parameter of the query is a declared credential.
func (s *Site) DeclaredQuery(name string) bool {
	return slices.ContainsFunc(s.Queries, func(q string) bool { return strings.EqualFold(q, name) })
}

func (f *Facts) publicPath() bool {
	return (f.R.Method == http.MethodGet || f.R.Method == http.MethodHead) && !HasBody(f.R) && f.All(f.Site.Rules.Public)
}

// showsForm reports whether the request is for a page that shows a sign-in form, and for
// nothing else: a declared page with its own query, or the sign-in's own address with
// none of its fields.
func (f *Facts) showsForm() bool {
	if f.Unsafe || !SafeMethod(f.R.Method) || f.SignOut {
		return false
	}
	rules := &f.Site.Rules
	if f.Any(rules.SignIn) && len(rules.Fields) > 0 && !route.HasParameter(f.R.URL.RawQuery, rules.Fields) && !f.Any(rules.LinkSignIn) {
		return true
	}
	return slices.ContainsFunc(rules.Forms, func(page string) bool {
		path, query, _ := strings.Cut(page, "?")
		return f.Client.URL.Path == path && (f.Client.URL.RawQuery == query || f.Client.URL.RawQuery == "")
	})
}

// bodyTokens are the names of tokens in a body or a query (RFC 6750, 2.2 and 2.3). No question
// carries such a token, so a site with declared tokens refuses it.
var bodyTokens = []string{"access_token"}

// tokenInQuery reports whether the query carries a token that is not declared.
func (f *Facts) tokenInQuery() bool {
	if f.Site.Bearer.Header == "" {
		return false
	}
	names := slices.DeleteFunc(slices.Clone(bodyTokens), f.Site.DeclaredQuery)
	return route.HasParameter(f.R.URL.RawQuery, names) || route.HasParameter(f.Client.URL.RawQuery, names)
}

// BodyNames are the fields that no body may have: portals that take a declared parameter
// from the query take it from a form, too.
func (s *Site) BodyNames() []string {
	if s.Bearer.Header == "" {
		return s.Queries
	}
	return append(slices.Clone(bodyTokens), s.Queries...)
}

// preflight reports whether the request is a CORS preflight, which browsers send before a script's
// request to another origin (Fetch, 4.8). It carries no credentials. Scripts without a router do
// not look at the method.
func (f *Facts) preflight() bool {
	h := f.R.Header
	return f.R.Method == http.MethodOptions && !f.Unsafe && !f.Carries && f.R.URL.RawQuery == "" && f.Client.URL.RawQuery == "" &&
		h["Cookie"] == nil && h["Origin"] != nil && h["Access-Control-Request-Method"] != nil
}

// classifyToken determines whether the request is a sign-in that answers with a token. If so, it
// makes sure that the whole response can be read.
func (f *Facts) classifyToken() {
	if f.preflight() {
		return
	}
	for _, s := range f.Site.Bearer.SignIns {
		if f.Any(s.Rule) {
			f.Tokens = append(f.Tokens, s.Token)
		}
	}
	if len(f.Tokens) == 0 {
		return
	}
	f.SignIn = true
	h := f.R.Header
	for _, name := range []string{"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		delete(h, name)
	}
	h["Accept-Encoding"] = []string{"identity"}
	f.takePins(f.R)
}
