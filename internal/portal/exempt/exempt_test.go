package exempt_test

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/portal/exempt"
	"github.com/secondgate/secondgate/internal/portal/route"
)

func client(r *http.Request) string { return r.Header.Get("Test-Client") }

// rule compiles a matcher set in Caddy's JSON.
func rule(t testing.TB, set string) exempt.Rule {
	t.Helper()
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(set), &m); err != nil {
		t.Fatal(err)
	}
	compiled, err := exempt.Compile([]map[string]json.RawMessage{m}, client)
	if err != nil {
		t.Fatalf("%s: %v", set, err)
	}
	return compiled
}

// request makes a GET of a target, with lines such as "X-A: b".
func request(target string, lines ...string) *http.Request {
	method := http.MethodGet
	if m, rest, ok := strings.Cut(target, " "); ok {
		method, target = m, rest
	}
	r := httptest.NewRequest(method, target, nil)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		r.Header[name] = append(r.Header[name], value)
	}
	return r
}

func readings(t testing.TB, r *http.Request) []string {
	t.Helper()
	list, ok := route.Variants(nil, r.URL.Path)
	if !ok {
		t.Fatalf("%s has too many variants", r.URL)
	}
	return list
}

const hook = `{"path": ["/index.php"], "query": {"route": ["pay/callback"]}}`

// repeated are queries that Caddy's matcher takes for ?route=pay/callback, or for one
// without route=login, and some server reads as ?route=login.
var repeated = []string{
	"route=pay/callback&route=login", "route=login&route=pay/callback", "route=pay/callback&Route=login", "route=pay/callback&route[]=login",
	"route=pay/callback&route[x]=login", "route=pay/callback&%72oute=login", "route=pay/callback&+route=login", "route=pay/callback&route%00=login",
	"route=pay/callback;route=login", "route=pay/callback&a;route=login", "route=pay/callback&%2572oute=login", "route=pay/callback&x=%zz",
	"route[]=pay/callback", "Route=pay/callback", strings.Repeat("a&", 1000) + "route=pay/callback",
}

// TestAttack_I2_RepeatedQuery: nothing is opened for a query that servers read in several
// ways, and what is shut stays shut.
func TestAttack_I2_RepeatedQuery(t *testing.T) {
	opens := rule(t, hook)
	shuts := rule(t, `{"path": ["/index.php"], "not": [{"query": {"route": ["pay/callback"]}}]}`)
	honest := request("/index.php?a=1&route=pay%2Fcallback&b=x+y")
	if list := readings(t, honest); !opens.All(honest, list) || shuts.Any(honest, list) {
		t.Error("the honest request is not what is opened")
	}
	for _, query := range repeated {
		r := request("/index.php?" + query)
		if opens.All(r, readings(t, r)) {
			t.Errorf("%.60s is opened", query)
		}
		if !shuts.Any(r, readings(t, r)) {
			t.Errorf("%.60s is not shut by not query", query)
		}
	}
	early := request("/index.php%3froute=login?route=pay/callback")
	if wide := rule(t, `{"path": ["/index.php*"], "query": {"route": ["pay/callback"]}}`); wide.All(early, readings(t, early)) {
		t.Error("opened for a query that begins within the path")
	}
}

// TestAttack_I2_NotOpens: a rule that opens what has no such parameter opens nothing that
// may have it, under whatever name and with whatever others.
func TestAttack_I2_NotOpens(t *testing.T) {
	opens := rule(t, `{"path": ["/files/*"], "not": [{"query": {"action": ["login", "edit"]}}, {"header": {"X-Act": ["*"]}}, {"path": ["/files/private"]}]}`)
	for target, want := range map[string]bool{
		"/files/a": true, "/files/a?action=show": true, "/files/a?x=action": true,
		"/files/a?action=login": false, "/files/a?action=show&action=login": false, "/files/a?ACTION=login": false, "/files/a?action=LOGIN": false,
		"/files/a?action[]=edit": false, "/files/a?%61ction=edit": false, "/files/a?action=%6cogin": false, "/files/a?action=%256cogin": false,
		"/files/private": false, "/files/private/": false, "/files/x/..;/private": false, "/files/private%2e": false, "/files/private/x": true,
	} {
		r := request(target)
		if got := opens.All(r, readings(t, r)); got != want {
			t.Errorf("%s is opened: %v", target, got)
		}
	}
	for _, line := range []string{"X-Act: 1", "X_Act: 1", "x-act: 1"} {
		r := request("/files/a", line)
		if opens.All(r, readings(t, r)) {
			t.Errorf("opened with %s", line)
		}
	}
}

// TestAttack_I2_RepeatedHeader: a header that opens occurs once, under the one name.
func TestAttack_I2_RepeatedHeader(t *testing.T) {
	opens := rule(t, `{"header": {"X-Hook": ["stripe", "pay-*"]}}`)
	absent := rule(t, `{"header": {"X-Hook": null}}`)
	shuts := rule(t, `{"not": [{"header": {"X-Hook": ["stripe"]}}]}`)
	for _, c := range []struct {
		lines                string
		opens, absent, shuts bool
	}{
		{"", false, true, true},
		{"X-Hook: stripe", true, false, false},
		{"X-Hook: pay-1", true, false, true},
		{"X-Hook: Stripe", false, false, true},
		{"X-Hook: stripe|X-Hook: other", false, false, true},
		{"X-Hook: stripe|X-Hook: stripe", false, false, true},
		{"X-Hook: stripe|X_Hook: other", false, false, true},
		{"X_Hook: stripe", false, false, true},
		{"X-Hookx: stripe", false, true, true},
	} {
		var lines []string
		if c.lines != "" {
			lines = strings.Split(c.lines, "|")
		}
		r := request("/a", lines...)
		list := readings(t, r)
		if opens.All(r, list) != c.opens || absent.All(r, list) != c.absent || shuts.Any(r, list) != c.shuts {
			t.Errorf("%s: opens %v, is absent %v, not shuts %v", c.lines, opens.All(r, list), absent.All(r, list), shuts.Any(r, list))
		}
	}
}

// TestAttack_I3_Undecidable: matchers that read placeholders, files or variables are
// refused, within not as well, and so are placeholders within the others.
func TestAttack_I3_Undecidable(t *testing.T) {
	for set, want := range map[string]string{
		`{"expression": "{path}.startsWith('/hook')"}`:     "expression",
		`{"path": ["/a"], "vars": {"x": ["1"]}}`:           "vars",
		`{"vars_regexp": {"{http.request.uri.path}": {}}}`: "use path_regexp",
		`{"header_regexp": {"X-A": {"pattern": "a"}}}`:     "use header",
		`{"file": {}}`:                                     "use path, with the paths",
		`{"tls": {}}`:                                      "tls",
		`{"not": [{"expression": "true"}]}`:                "not: the matcher expression",
		`{"not": [{"not": [{"vars": {}}]}]}`:               "not: not: the matcher vars",
		`{"not": [{}]}`:                                    "it has no matcher",
		`{"not": []}`:                                      "it has no matcher",
		`{"path": ["/{http.vars.x}"]}`:                     "placeholder",
		`{"path": ["/a%2fb"]}`:                             "decoded",
		`{"path": ["/a//b"]}`:                              "single slashes",
		`{"path": ["hook"]}`:                               "begin with /",
		`{"path": ["/a/[b"]}`:                              "not a pattern",
		`{"path": []}`:                                     "no value",
		`{"path": "/a"}`:                                   "is not what the matcher takes",
		`{"path_regexp": {"pattern": "("}}`:                "error parsing regexp",
		`{"path_regexp": {}}`:                              "no value",
		`{"method": ["{http.request.method}"]}`:            "placeholder",
		`{"host": ["{http.request.host}"]}`:                "placeholder",
		`{"query": {"a": ["{http.request.uri.query.b}"]}}`: "placeholder",
		`{"query": {"{http.vars.a}": ["b"]}}`:              "placeholder",
		`{"query": {"a": []}}`:                             "no value",
		`{"header": {"X-A": ["{http.vars.b}"]}}`:           "placeholder",
		`{"header": {"cookie": ["a*"]}}`:                   "sealed",
		`{"header": {"Host": ["a"]}}`:                      "use host",
		`{"header": {}}`:                                   "no value",
		`{"remote_ip": {"ranges": ["{env.NET}"]}}`:         "placeholder",
		`{"client_ip": {"ranges": ["private_ranges"]}}`:    "not an address",
		`{"remote_ip": {"ranges": []}}`:                    "no value",
		`{"protocol": "http/9"}`:                           "never matches",
		`{"not": [{"path": ["/a"], "query": {"a": ["{http.vars.b}"]}}]}`: "placeholder",
	} {
		var m map[string]json.RawMessage
		if err := json.Unmarshal([]byte(set), &m); err != nil {
			t.Fatal(err)
		}
		if err := exempt.Check(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", set, err)
		}
	}
}

// TestConditions: each matcher by itself, for a rule that opens and one that shuts.
func TestConditions(t *testing.T) {
	for _, c := range []struct {
		set, target, lines string
		opens, shuts       bool
	}{
		{`{"path": ["/a/*"]}`, "/a/b", "", true, true},
		{`{"path": ["/a/*"]}`, "/a/../b", "", false, false},
		{`{"path": ["/a"]}`, "/a/", "", false, true},
		{`{"path_regexp": {"name": "x", "pattern": "^/A/[0-9]{2}$"}}`, "/A/12", "", false, true}, // as /a/12 it does not
		{`{"path_regexp": {"pattern": "^/a/[0-9]{2}$"}}`, "/a/12", "", true, true},
		{`{"path_regexp": {"pattern": "^/A/[0-9]{2}$"}}`, "/a/12", "", false, true},
		{`{"path_regexp": {"pattern": "^/a$"}}`, "/a/", "", false, true},
		{`{"path_regexp": {"pattern": "^/A/$"}}`, "/a/", "", false, true},
		{`{"query": {"a": ["x+y"]}}`, "/a?a=X%2BY", "", false, true},
		{`{"method": ["get"]}`, "/a", "", true, true},
		{`{"method": ["GET"]}`, "HEAD /a", "", false, true},
		{`{"method": ["POST"]}`, "/a", "", false, false},
		{`{"method": ["DELETE"]}`, "POST /a", "X-Http-Method-Override: DELETE", false, true},
		{`{"method": ["POST"]}`, "POST /a?_method=delete", "", false, true},
		{`{"host": ["example.com"]}`, "/a", "", true, true},
		{`{"host": ["EXAMPLE.com", "b"]}`, "http://example.com:8080/a", "", true, true},
		{`{"host": ["*.example.com"]}`, "http://a.example.com/a", "", true, true},
		{`{"host": ["*.example.com"]}`, "http://a.b.example.com/a", "", false, false},
		{`{"host": ["example.com"]}`, "http://example.com./a", "", false, true},
		{`{"host": ["bücher.example"]}`, "http://xn--bcher-kva.example/a", "", true, true},
		{`{"host": ["::1"]}`, "http://[::1]/a", "", true, true},
		{`{"remote_ip": {"ranges": ["192.0.2.0/24"]}}`, "/a", "", true, true},
		{`{"remote_ip": {"ranges": ["192.0.2.2"]}}`, "/a", "", false, false},
		{`{"client_ip": {"ranges": ["2001:db8::/32"]}}`, "/a", "Test-Client: 2001:db8::1", true, true},
		{`{"client_ip": {"ranges": ["192.0.2.1"]}}`, "/a", "Test-Client: ::ffff:192.0.2.1", true, true},
		{`{"client_ip": {"ranges": ["fe80::/10%eth0"]}}`, "/a", "Test-Client: fe80::1%eth0", true, true},
		{`{"client_ip": {"ranges": ["fe80::/10%eth0"]}}`, "/a", "Test-Client: fe80::1%eth1", false, false},
		{`{"client_ip": {"ranges": ["192.0.2.1"]}}`, "/a", "Test-Client: what", false, true},
		{`{"protocol": "http"}`, "/a", "", true, true},
		{`{"protocol": "https"}`, "/a", "", false, false},
		{`{"protocol": "http/2+"}`, "/a", "", false, false},
		{`{"protocol": "grpc"}`, "/a", "Content-Type: application/grpc+proto", true, true},
		{`{"protocol": "grpc"}`, "/a", "Content-Type: text/plain", false, false},
		{`{"query": {}}`, "/a", "", true, true},
		{`{"query": {}}`, "/a?&&", "", false, true},
		{`{"query": {}}`, "/a?b", "", false, false},
		{`{"query": {"a": ["*"], "b": ["1", "2"]}}`, "/a?b=2&a=", "", true, true},
		{`{"query": {"a": ["*"], "b": ["1", "2"]}}`, "/a?b=2", "", false, false},
		{`{"query": {"a[b]": ["1"]}}`, "/a?a%5Bb%5D=1", "", true, true},
		{`{"query": {"a[b]": ["1"]}}`, "/a?a[b]=1&a=2", "", false, true},
		{`{"query": {"a": ["x y"]}}`, "/a?a=x+y", "", true, true},
		{`{"header": {"X-A": []}}`, "/a", "X-A: b", true, true},
		{`{"header": {"X-A": ["*b", "*c*"]}}`, "/a", "X-A: xcx", true, true},
		{`{"header": {"X-A": ["*b", "*c*"]}}`, "/a", "X-A: bx", false, false},
	} {
		r := request(c.target)
		if name, value, ok := strings.Cut(c.lines, ": "); ok {
			r.Header[name] = []string{value}
		}
		list := readings(t, r)
		positive, negative := rule(t, c.set), rule(t, `{"not": [`+c.set+`]}`)
		if got := positive.All(r, list); got != c.opens {
			t.Errorf("%s opens %s %s: %v", c.set, c.target, c.lines, got)
		}
		if got := positive.Any(r, list); got != c.shuts {
			t.Errorf("%s shuts %s %s: %v", c.set, c.target, c.lines, got)
		}
		if negative.All(r, list) == c.shuts && len(list) == 1 || negative.Any(r, list) == c.opens && len(list) == 1 {
			t.Errorf("not %s is not the opposite for %s %s", c.set, c.target, c.lines)
		}
	}
}

// TestEarlyData: an address that the handshake has not proven yet neither opens nor
// keeps from being shut.
func TestEarlyData(t *testing.T) {
	r := request("/a")
	r.TLS = &tls.ConnectionState{}
	for _, set := range []string{`{"remote_ip": {"ranges": ["192.0.2.0/24"]}}`, `{"not": [{"remote_ip": {"ranges": ["192.0.2.0/24"]}}]}`} {
		if c := rule(t, set); c.All(r, []string{"/a"}) || !c.Any(r, []string{"/a"}) {
			t.Errorf("%s is decided", set)
		}
	}
}

func TestRule_NoReadings(t *testing.T) {
	if c := rule(t, `{"method": ["GET"]}`); c.All(request("/"), nil) || c.Any(request("/"), nil) {
		t.Error("a path without a reading is decided")
	}
}

// Rules of paths, and those for a parameter that is not there, are on the way of every
// request.
func TestRule_NoAllocations(t *testing.T) {
	deny := rule(t, `{"path": ["/xmlrpc.php", "/api/*"]}`)
	key := rule(t, `{"query": {"key": ["*"]}}`)
	r := request("/clientarea.php?action=details&page=2")
	list := readings(t, r)
	if n := testing.AllocsPerRun(100, func() { deny.Any(r, list); deny.All(r, list); key.Any(r, list) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRule(b *testing.B) {
	deny := rule(b, `{"path": ["/xmlrpc.php", "/api/*"]}`)
	r := request("/clientarea.php")
	list := readings(b, r)
	b.ReportAllocs()
	for b.Loop() {
		deny.Any(r, list)
	}
}
