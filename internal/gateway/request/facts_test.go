package request

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/portal"
)

// under is a rule about all paths that begin so.
type under []string

func (u under) begins(path string) bool {
	return slices.ContainsFunc(u, func(p string) bool { return strings.HasPrefix(path, p) })
}

func (u under) Any(_ *http.Request, readings []string) bool {
	return slices.ContainsFunc(readings, u.begins)
}

func (u under) All(_ *http.Request, readings []string) bool {
	return !slices.ContainsFunc(readings, func(path string) bool { return !u.begins(path) })
}

// asked is a request as a test writes it: "GET /path" or "POST /path body", with headers.
func asked(t *testing.T, line string, header map[string]string) *http.Request {
	t.Helper()
	parts := strings.SplitN(line, " ", 3)
	var r *http.Request
	if len(parts) == 3 {
		r = httptest.NewRequest(parts[0], parts[1], strings.NewReader(parts[2]))
	} else {
		r = httptest.NewRequest(parts[0], parts[1], nil)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	return r
}

// classify makes the facts of a request as package gateway does.
func classify(t *testing.T, s *Site, r *http.Request, cleared bool) (f Facts, status int) {
	t.Helper()
	if s.Headers == nil {
		s.Headers = portal.NewHeaders(nil)
	}
	address := *r.URL
	if status = f.Begin(s, r, Client{Address: "192.0.2.1", URL: &address}); status != 0 {
		return f, status
	}
	f.Classify(cleared)
	return f, 0
}

// traits are the facts that a test names, in order.
func traits(f *Facts) string {
	var out []string
	for _, tt := range []struct {
		is   bool
		name string
	}{
		{f.Unsafe, "unsafe"}, {f.Upgrade, "upgrade"}, {f.Stream, "stream"}, {f.SignIn, "sign-in"}, {f.FillsIn, "fills in"},
		{f.SignOut, "sign-out"}, {f.Form, "form"}, {f.Asset, "asset"}, {f.Guest, "guest"}, {f.Carries, "carries"}, {f.Navigation(), "navigation"},
	} {
		if tt.is {
			out = append(out, tt.name)
		}
	}
	return strings.Join(out, ", ")
}

var document = map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

// TestClassify: what a request is, for each kind.
func TestClassify(t *testing.T) {
	site := &Site{
		Path: "/two-factor", Headers: portal.NewHeaders([]string{"X-Device"}), Queries: []string{"token"},
		Rules: Rules{
			SignIn: under{"/login"}, SignOut: under{"/logout"}, Public: under{"/static/"}, Guest: under{"/guest/"}, Fields: []string{"user", "pass"},
		},
	}
	websocket := map[string]string{"Connection": "Upgrade", "Upgrade": "websocket"}
	for _, tt := range []struct {
		line   string
		header map[string]string
		want   string
	}{
		{"GET /page", document, "navigation"},
		{"GET /page", map[string]string{"Accept": "text/html"}, "navigation"},
		{"GET /page", map[string]string{"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"}, ""},
		{"GET /page", map[string]string{"Sec-Fetch-Mode": "cors", "Accept": "text/html"}, ""},
		{"HEAD /page", nil, ""}, {"OPTIONS /page", nil, ""},
		{"POST /page", nil, "unsafe"}, {"PUT /page x", nil, "unsafe"}, {"DELETE /page", nil, "unsafe"}, {"PROPFIND /page", nil, "unsafe"},
		{"GET /page body", nil, "unsafe"},
		{"GET /login", nil, "sign-in"}, {"POST /login user=alice", nil, "unsafe, sign-in, fills in"},
		{"GET /login body", nil, "unsafe, sign-in, fills in"},
		{"GET /page?x=1&user=alice", nil, "sign-in"}, {"GET /page?x=1;pass=x", nil, "sign-in"}, {"GET /page?%75ser=x", nil, "sign-in"},
		{"GET /page?username=alice", nil, ""},
		{"GET /logout", nil, "sign-in, sign-out"}, {"POST /logout", nil, "unsafe, sign-in, sign-out"},
		{"GET /style.css", nil, "asset"}, {"GET /static/page", nil, "asset"}, {"HEAD /style.css?v=2", nil, "asset"},
		{"GET /style.css", document, "navigation"}, {"GET /style.css?user=alice", nil, "sign-in"}, {"GET /login/app.css", nil, "sign-in"},
		{"POST /style.css", nil, "unsafe"}, {"GET /style.css body", nil, "unsafe"}, {"POST /static/page x", nil, "unsafe"},
		{"GET /guest/page", nil, "guest"},
		{"GET /page", map[string]string{"X-Device": "1"}, "carries"}, {"GET /page", map[string]string{"X-Unknown": "1"}, "carries"},
		{"GET /page?token=1", nil, "carries"}, {"GET /page?TOKEN=1", nil, "carries"}, {"GET /page", map[string]string{"Authorization": "Basic x"}, ""},
		{"GET /socket", websocket, "upgrade, stream"}, {"GET /events", map[string]string{"Accept": "text/event-stream"}, "stream"},
		{"GET /socket", map[string]string{"Connection": "Upgrade", "Upgrade": "h2c", "Http2-Settings": "x"}, ""},
		// A tunnel begins with a GET without a body and with nothing else (RFC 6455 4.1).
		{"HEAD /socket", websocket, ""}, {"OPTIONS /socket", websocket, ""}, {"POST /socket", websocket, "unsafe"}, {"GET /socket body", websocket, "unsafe"},
	} {
		r := asked(t, tt.line, tt.header)
		f, status := classify(t, site, r, false)
		if got := traits(&f); got != tt.want || status != 0 {
			t.Errorf("%s %v: %q, status %d; want %q", tt.line, tt.header, got, status, tt.want)
		}
		if f.Upgrade != (r.Header.Get("Upgrade") != "") {
			t.Errorf("%s %v: Upgrade %q goes to the portal, upgrade %v", tt.line, tt.header, r.Header.Get("Upgrade"), f.Upgrade)
		}
	}
}

// TestRefuseConnect: only the CONNECT of a WebSocket over HTTP/2 and HTTP/3 is not refused, as
// reverse_proxy knows it; and none that has a length.
func TestRefuseConnect(t *testing.T) {
	for _, tt := range []struct {
		major    int
		proto    string
		protocol []string
		length   int64
		want     int
	}{
		{2, "HTTP/2.0", []string{"websocket"}, -1, 0}, {2, "HTTP/2.0", []string{"websocket"}, 0, 0}, {3, "websocket", nil, -1, 0},
		{1, "HTTP/1.1", nil, 0, http.StatusMethodNotAllowed}, {1, "websocket", []string{"websocket"}, 0, http.StatusMethodNotAllowed},
		{2, "HTTP/2.0", nil, -1, http.StatusMethodNotAllowed}, {2, "websocket", nil, -1, http.StatusMethodNotAllowed},
		{2, "HTTP/2.0", []string{"foo"}, -1, http.StatusMethodNotAllowed}, {2, "HTTP/2.0", []string{"WebSocket"}, -1, http.StatusMethodNotAllowed},
		{2, "HTTP/2.0", []string{"websocket", "foo"}, -1, http.StatusMethodNotAllowed},
		{3, "HTTP/3.0", nil, -1, http.StatusMethodNotAllowed}, {3, "HTTP/3.0", []string{"websocket"}, -1, http.StatusMethodNotAllowed},
		{3, "webtransport", nil, -1, http.StatusMethodNotAllowed}, {3, "Websocket", nil, -1, http.StatusMethodNotAllowed},
		{2, "HTTP/2.0", []string{"websocket"}, 3, http.StatusBadRequest}, {3, "websocket", nil, 3, http.StatusBadRequest},
	} {
		r := asked(t, "GET /socket", nil)
		r.Method, r.ProtoMajor, r.Proto, r.ContentLength = http.MethodConnect, tt.major, tt.proto, tt.length
		if tt.protocol != nil {
			r.Header[":protocol"] = tt.protocol
		}
		if status := RefuseConnect(r); status != tt.want {
			t.Errorf("%+v: status %d", tt, status)
		}
		if _, status := classify(t, &Site{}, r, false); status != http.StatusMethodNotAllowed {
			t.Errorf("%+v goes on as CONNECT", tt)
		}
	}
	for _, length := range []string{"0", "3"} {
		r := asked(t, "GET /socket", map[string]string{"Content-Length": length})
		if r.Method, r.ProtoMajor, r.Proto = http.MethodConnect, 3, "websocket"; RefuseConnect(r) != http.StatusBadRequest {
			t.Errorf("Content-Length: %s", length)
		}
	}
}

// TestBegin_Refuses: what no rule can be sure of is refused, whatever the credentials.
func TestBegin_Refuses(t *testing.T) {
	site := &Site{Rules: Rules{Deny: under{"/admin"}}, Bearer: Bearer{Header: "Authorization"}, Queries: []string{"key"}}
	for _, tt := range []struct {
		line   string
		header map[string]string
		want   int
	}{
		{"GET /", nil, 0}, {"TRACE /", nil, http.StatusMethodNotAllowed},
		{"GET /", map[string]string{"Connection": "close, Cookie"}, http.StatusBadRequest},
		{"GET /", map[string]string{"Connection": "X-User"}, http.StatusBadRequest},
		{"GET /", map[string]string{"Connection": "keep-alive, Upgrade, TE, HTTP2-Settings"}, 0},
		{"GET /admin/x", nil, http.StatusForbidden}, {"GET //admin", nil, http.StatusForbidden}, {"GET /x/..;/admin", nil, http.StatusForbidden},
		{"GET /x/%2e%2e/admin", nil, http.StatusForbidden},
		{"GET /?access_token=x", nil, http.StatusForbidden}, {"GET /?key=x", nil, 0},
	} {
		if _, status := classify(t, site, asked(t, tt.line, tt.header), false); status != tt.want {
			t.Errorf("%s %v: status %d, want %d", tt.line, tt.header, status, tt.want)
		}
	}
}

// TestBegin_RewrittenPath: rules hold for the address that the browser asked for, and for
// the one that the portal gets.
func TestBegin_RewrittenPath(t *testing.T) {
	site := &Site{Headers: portal.NewHeaders(nil), Rules: Rules{Deny: under{"/admin"}, Guest: under{"/guest"}}}
	for _, tt := range []struct {
		browser, portal string
		status          int
		guest           bool
	}{
		{"/admin", "/index.php", http.StatusForbidden, false}, {"/page", "/admin", http.StatusForbidden, false},
		{"/guest", "/index.php", 0, false}, {"/page", "/guest", 0, false}, {"/guest/a", "/guest/b", 0, true},
	} {
		r := asked(t, "GET "+tt.portal, nil)
		var f Facts
		status := f.Begin(site, r, Client{URL: &url.URL{Path: tt.browser}})
		if status == 0 {
			f.Classify(false)
		}
		if status != tt.status || f.Guest != tt.guest {
			t.Errorf("%s as %s: status %d, guest %v", tt.browser, tt.portal, status, f.Guest)
		}
	}
}

// TestClassify_EveryReading: what opens holds only where every reading of the path is on the
// list, what signs in where any is.
func TestClassify_EveryReading(t *testing.T) {
	site := &Site{Rules: Rules{Public: under{"/static/"}, Guest: under{"/static/"}, SignIn: under{"/login"}}}
	for path, want := range map[string]string{
		"/static/a": "asset, guest", "/static/%2e%2e/page": "", "/page/..;/static/a": "", "/static/..%2fpage": "",
		"/static/../login": "sign-in", "/static;/../login": "sign-in", "/x/..%2flogin": "sign-in", "//login": "sign-in",
	} {
		f, status := classify(t, site, asked(t, "GET "+path, nil), false)
		if got := traits(&f); status == 0 && got != want || status != 0 && status != http.StatusBadRequest {
			t.Errorf("%s: %q, status %d; want %q", path, got, status, want)
		}
	}
}

// TestShowsForm: under `watch unsafe`, a GET of a sign_in address that carries none of its
// fields is a page with a form and no sign-in: phpMyAdmin's form page is its sign-in address,
// and asking between the form and its sending would make the form useless.
func TestShowsForm(t *testing.T) {
	for _, tt := range []struct {
		line    string
		cleared bool
		want    string
	}{
		{"GET /index.php", false, "form"}, {"GET /index.php?route=/&lang=en", false, "form"}, {"HEAD /index.php", false, "form"},
		{"GET /index.php?pma_username=root", false, "sign-in"}, {"GET /index.php?x=1;pma_username=root", false, "sign-in"},
		{"GET /index.php?%70ma_username=root", false, "sign-in"}, {"GET /index.php?pma.username=root", false, "sign-in"},
		{"POST /index.php", false, "unsafe, sign-in, fills in"}, {"POST /index.php pma_username=root", false, "unsafe, sign-in, fills in"},
		{"GET /index.php body", false, "unsafe, sign-in, fills in"},
		{"GET /index.php", true, "sign-in"}, // in a visit with clearance a second sign-in is looked for
		{"GET /logout", false, "sign-in, sign-out"},
		{"GET /magic?t=1", false, "sign-in"}, // a sign_in without fields: each request may sign in
		{"GET /form", false, "form"}, {"GET /form?step=2", false, ""}, {"GET /page", false, ""},
	} {
		site := &Site{WatchUnsafe: true, Rules: Rules{
			SignIn: under{"/index.php", "/magic"}, LinkSignIn: under{"/magic"}, SignOut: under{"/logout"},
			Fields: []string{"pma_username", "pma_password"}, Forms: []string{"/form"},
		}}
		f, _ := classify(t, site, asked(t, tt.line, nil), tt.cleared)
		if got := traits(&f); got != tt.want {
			t.Errorf("%s, cleared %v: %q, want %q", tt.line, tt.cleared, got, tt.want)
		}
		site.WatchUnsafe = false
		if f, _ := classify(t, site, asked(t, tt.line, nil), tt.cleared); f.Form {
			t.Errorf("%s: a form without `watch unsafe`", tt.line)
		}
	}
}

// TestAttack_I5_PlaceholderAssets: with `user {placeholder}` nothing tells a stranger from a
// user but that placeholder, so no request is exempt as an asset.
func TestAttack_I5_PlaceholderAssets(t *testing.T) {
	site := &Site{Rules: Rules{Public: under{"/static/"}}}
	for _, identify := range []bool{false, true} {
		if identify {
			site.Identify = func(*http.Request) string { return "alice" }
		}
		for _, path := range []string{"/app.js", "/style.css?v=1", "/static/report.pdf", "/logo.png"} {
			if f, _ := classify(t, site, asked(t, "GET "+path, nil), false); f.Asset == identify {
				t.Errorf("%s, user {placeholder} %v: asset %v", path, identify, f.Asset)
			}
		}
	}
}

// TestAttack_I8_Identity: what the server itself adds as a credential, as for a client
// certificate, is asked about without any cookie, and belongs to the answer's key.
func TestAttack_I8_Identity(t *testing.T) {
	site := &Site{Headers: portal.NewHeaders(nil)}
	pins := make(map[portal.Pins]string)
	for _, identity := range []string{"", "cert:1", "cert:2"} {
		r := asked(t, "GET /page", nil)
		var f Facts
		if status := f.Begin(site, r, Client{URL: r.URL, Identity: identity}); status != 0 {
			t.Fatal(status)
		}
		f.Classify(false)
		if f.Carries != (identity != "") {
			t.Errorf("%q: carries %v", identity, f.Carries)
		}
		if other, known := pins[f.Pins]; known {
			t.Errorf("%q has the key of %q", identity, other)
		}
		pins[f.Pins] = identity
	}
}

// TestClassify_Removes: what no portal is to see is taken off the request.
func TestClassify_Removes(t *testing.T) {
	r := asked(t, "GET /", map[string]string{
		"Authorization": "Bearer x", "X-Api-Key": "x", "X-Http-Method-Override": "POST", "Range": "pages=alice", "Accept": "*/*", "X-Unknown": "1",
	})
	r.Trailer = http.Header{"X-Secret": nil}
	classify(t, &Site{}, r, false)
	if len(r.Header) != 2 || r.Header.Get("Accept") == "" || r.Header.Get("X-Unknown") == "" || r.Trailer != nil {
		t.Errorf("left %v, trailer %v", r.Header, r.Trailer)
	}
	declared := asked(t, "GET /", map[string]string{"Authorization": "Bearer x"})
	if f, _ := classify(t, &Site{Headers: portal.NewHeaders([]string{"authorization"})}, declared, false); !f.Carries || declared.Header.Get("Authorization") == "" {
		t.Error("a declared header is taken for none")
	}
}

// TestStripSessions: session ids leave the address, by their usual names and those of the
// visit's cookies, and the rules hold for what is left.
func TestStripSessions(t *testing.T) {
	site := &Site{Headers: portal.NewHeaders(nil), Rules: Rules{Deny: under{"/admin"}}}
	named := func(name string) bool { return name == "shop_sid" }
	for address, want := range map[string]string{
		"/page?PHPSESSID=x&a=1": "/page?a=1", "/page;jsessionid=x": "/page", "/page?shop_sid=x": "/page", "/page?a=1": "/page?a=1",
	} {
		r := asked(t, "GET "+address, nil)
		browser := *r.URL
		var f Facts
		f.Begin(site, r, Client{URL: &browser})
		if status := f.StripSessions(named); status != 0 || r.URL.RequestURI() != want || r.RequestURI != want || browser.RequestURI() != want {
			t.Errorf("%s: %s, %s, %s, status %d", address, r.URL, r.RequestURI, &browser, status)
		}
	}
}

// TestCrossSite: another site caused the request. Following a link is no such request.
func TestCrossSite(t *testing.T) {
	for _, tt := range []struct {
		line   string
		header map[string]string
		want   bool
	}{
		{"GET /", nil, false}, {"GET /", map[string]string{"Sec-Fetch-Site": "same-origin"}, false}, {"GET /", map[string]string{"Sec-Fetch-Site": "none"}, false},
		{"POST /", map[string]string{"Sec-Fetch-Site": "cross-site"}, true}, {"GET /", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, false},
		{"GET /", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, false},
		{"POST /", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		{"GET /", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, true},
		{"POST /", map[string]string{"Origin": "https://evil.example"}, true}, {"POST /", map[string]string{"Origin": "null"}, true},
		{"POST /", map[string]string{"Origin": "https://EXAMPLE.com"}, false},
	} {
		f := Facts{R: asked(t, tt.line, tt.header)}
		if got := f.CrossSite(); got != tt.want {
			t.Errorf("%s %v: %v", tt.line, tt.header, got)
		}
		f.Client.Secure = true
		posted := tt.header["Sec-Fetch-Dest"] == "document"
		if got := f.CrossSite(); got != (tt.want && !posted) {
			t.Errorf("over HTTPS, %s %v: %v", tt.line, tt.header, got)
		}
	}
}

// TestBelow: the own pages are below their path and nowhere else.
func TestBelow(t *testing.T) {
	s := &Site{Path: "/two-factor"}
	for path, want := range map[string]bool{"/two-factor": true, "/two-factor/": true, "/two-factor/x": true, "/two-factors": false, "/": false, "/x/two-factor": false} {
		if s.Below(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}

// TestClassify_Preflight: only what browsers send before a script's request to another
// origin is spared the reading of a token in its response.
func TestClassify_Preflight(t *testing.T) {
	site := &Site{Bearer: Bearer{Header: "Authorization", SignIns: []TokenSignIn{{Rule: under{"/token"}}}}, Headers: portal.NewHeaders([]string{"Authorization"})}
	preflight := func(more ...string) map[string]string {
		h := map[string]string{"Origin": "https://app.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
		for _, line := range more {
			name, value, _ := strings.Cut(line, ": ")
			h[name] = value
		}
		return h
	}
	for _, tt := range []struct {
		line   string
		header map[string]string
		spared bool
	}{
		{"OPTIONS /token", preflight(), true},
		{"OPTIONS /token", nil, false},
		{"OPTIONS /token", map[string]string{"Origin": "https://app.example"}, false},
		{"OPTIONS /token?user=alice", preflight(), false},
		{"OPTIONS /token user=alice", preflight(), false},
		{"OPTIONS /token", preflight("Cookie: a=b"), false},
		{"OPTIONS /token", preflight("Authorization: Basic YWxpY2U6cHc="), false},
		{"OPTIONS /token", preflight("X-User: alice"), false},
		{"GET /token", preflight(), false},
	} {
		f, _ := classify(t, site, asked(t, tt.line, tt.header), false)
		if spared := len(f.Tokens) == 0; spared != tt.spared {
			t.Errorf("%s %v: spared %v", tt.line, tt.header, spared)
		}
	}
}

// TestAttack_WorkOfQueries: a query is read once for each reading of the path; their product
// is bounded.
func TestAttack_WorkOfQueries(t *testing.T) {
	for query, want := range map[string]int{"": 0, strings.Repeat("a.b&", 100): 0, strings.Repeat("a.b&", 4000): http.StatusBadRequest} {
		r := httptest.NewRequest(http.MethodGet, "/.php/%253b.%20%2523%253b//%255c/..;%252f..php/.%252541?"+query, nil)
		var f Facts
		if status := f.Begin(&Site{Path: "/two-factor", Headers: portal.NewHeaders(nil)}, r, Client{URL: r.URL}); status != want {
			t.Errorf("a query of %d bytes: %d, want %d", len(query), status, want)
		}
	}
}
