package edge

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestI1_QuestionResolvesTheSamePlaceholders: placeholders that handlers before the gate set have
// the same values for whoami as for the request.
func TestI1_QuestionResolvesTheSamePlaceholders(t *testing.T) {
	authenticator := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Login", "alice")
	}))
	defer authenticator.Close()
	const proxy = "reverse_proxy PORTAL {\n header_up X-Remote-User "
	const byKey = "map {header.X-Key} {login} {\n k-alice alice\n default nobody\n}\n"
	for name, tt := range map[string]struct{ site, want string }{
		"map, header_up":             {byKey + gate + proxy + "{login}\n}", "alice"},
		"map of a map":               {byKey + "map {login} {name} {\n ~^(.*)$ \"the ${1}\"\n}\n" + gate + proxy + "{name}\n}", "the alice"},
		"map of the path":            {"map {path} {tenant} {\n /page of-page\n default other\n}\n" + gate + proxy + "{tenant}\n}", "of-page"},
		"map of the query":           {"map {query.id} {login} {\n 7 alice\n default nobody\n}\n" + gate + proxy + "{login}\n}", "alice"},
		"map, request_header before": {"route {\n" + byKey + "request_header X-Remote-User {login}\n" + gate + "reverse_proxy PORTAL\n}", "alice"},
		"map, request_header after":  {"route {\n" + byKey + gate + "request_header X-Remote-User {login}\nreverse_proxy PORTAL\n}", "alice"},
		"header_regexp":              {"@key header_regexp id X-Key ^k-(\\w+)$\nhandle @key {\n" + gate + proxy + "{re.id.1}\n}\n}", "alice"},
		"path_regexp":                {"@page path_regexp p ^/(\\w+)\nhandle @page {\n" + gate + proxy + "{re.p.1}\n}\n}", "page"},
		"basic_auth":                 {"basic_auth {\n alice " + hashed("pw") + "\n}\n" + gate + proxy + "{http.auth.user.id}\n}", "alice"},
		"vars":                       {"vars login alice\n" + gate + proxy + "{vars.login}\n}", "alice"},
		"vars of a placeholder":      {"route {\n" + byKey + "vars login {login}\n" + gate + proxy + "{vars.login}\n}\n}", "alice"},
		"forward_auth": {"forward_auth " + strings.TrimPrefix(authenticator.URL, "http://") + " {\n uri /\n}\n" +
			gate + proxy + "{http.reverse_proxy.header.X-Login}\n}", "alice"},
		"client address": {gate + proxy + "{client_ip}\n}", "127.0.0.1"},
		"protocol":       {gate + proxy + "{http.request.proto}\n}", "HTTP/1.1"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &echo{}
			b := harness.StartSite(t, e, tt.site).Browser()
			b.Header.Set("X-Key", "k-alice")
			login, _ := http.NewRequest(http.MethodGet, b.Base, nil)
			login.SetBasicAuth("alice", "pw")
			b.Header.Set("Authorization", login.Header.Get("Authorization"))
			sameHeader(t, e, b, tt.want)
		})
	}
}

// sameHeader opens a page in a session and compares the headers that whoami and the page got.
func sameHeader(t *testing.T, e *echo, b *harness.Browser, want string) {
	t.Helper()
	b.Get("/start?id=7")
	e.forget()
	if p := b.Get("/page?id=7"); p.Status != http.StatusOK {
		t.Fatalf("answered %d %s", p.Status, p.Body)
	}
	pages, questions := e.at("/page"), e.at("/me")
	if len(pages) != 1 || len(questions) == 0 {
		t.Fatalf("%d pages, %d questions", len(pages), len(questions))
	}
	complete := 0
	for _, q := range append(questions, pages...) {
		if got := q.Header["X-Remote-User"]; len(got) == 0 || got[0] == "" {
			continue // a question that leaves out one credential of the request
		} else if got[0] != want {
			t.Errorf("%s got %q, want %q", q.URL.Path, got, want)
		}
		complete++
		if got := q.Header.Get("Via"); got != pages[0].Header.Get("Via") {
			t.Errorf("%s came via %q, the page via %q", q.URL.Path, got, pages[0].Header.Get("Via"))
		}
	}
	if complete < 2 {
		t.Error("no question had the header")
	}
}

// TestI1_MappedOnce: a `map` before the gate is evaluated once, for whoami as for the request,
// although handlers behind the gate change the request's address.
func TestI1_MappedOnce(t *testing.T) {
	e := &echo{}
	b := harness.StartSite(t, e, "route {\nmap {path} {tenant} {\n ~(.*) ${1}\n}\n"+gate+
		"rewrite /page /other\nreverse_proxy PORTAL {\n header_up X-Remote-User {tenant}\n}\n}").Browser()
	b.Get("/start")
	e.forget()
	if p := b.Get("/page"); p.Status != http.StatusOK {
		t.Fatalf("answered %d", p.Status)
	}
	for _, r := range append(e.at("/other"), e.at("/me")...) {
		if got := r.Header.Get("X-Remote-User"); got != "/page" {
			t.Errorf("%s got %q", r.URL.Path, got)
		}
	}
	if len(e.at("/other")) != 1 || len(e.at("/me")) == 0 {
		t.Errorf("%d pages, %d questions", len(e.at("/other")), len(e.at("/me")))
	}
}

// TestI7_MappedForErrorRoutes: error routes get what a `map` makes of a stripped request.
func TestI7_MappedForErrorRoutes(t *testing.T) {
	e := &echo{}
	b := harness.StartSite(t, e, "map {query.of} {who} {\n ~(.+) ${1}\n default nobody\n}\nroute {\n"+gate+
		"handle /broken {\nerror 500\n}\nreverse_proxy PORTAL {\n header_up X-Remote-User {who}\n}\n}\n"+
		"handle_errors {\nrewrite * /failed\nreverse_proxy PORTAL {\n header_up X-Remote-User {who}\n}\n}").Browser()
	b.Get("/broken?of=alice")
	if pages := e.at("/failed"); len(pages) != 1 || pages[0].Header.Get("X-Remote-User") != "nobody" {
		t.Errorf("%d pages of errors: %v", len(pages), pages)
	}
}

// TestI7_VariablesForErrorRoutes: error routes get no variable that was derived from a removed
// credential, whether the gate or a handler before it returned the error.
func TestI7_VariablesForErrorRoutes(t *testing.T) {
	for name, site := range map[string]string{
		"behind the gate": "route {\nvars who {query.of}\nvars colour blue\n" + gate + "error /broken 500\nreverse_proxy PORTAL\n}\n",
		"before the gate": "route {\nvars who {query.of}\nvars colour blue\nerror /broken 500\n" + gate + "reverse_proxy PORTAL\n}\n",
	} {
		e := &echo{}
		b := harness.StartSite(t, e, site+"handle_errors {\nrewrite * /failed\nreverse_proxy PORTAL {\n header_up X-Remote-User \"{vars.who} {vars.colour}\"\n}\n}").Browser()
		b.Get("/broken?of=alice")
		if pages := e.at("/failed"); len(pages) != 1 || strings.TrimSpace(pages[0].Header.Get("X-Remote-User")) != "blue" {
			t.Errorf("%s: %d pages of errors: %v", name, len(pages), pages)
		}
	}
}

// TestI1_HandlersBehindTheGateDoNotReachTheQuestion: values that handlers behind the gate set
// while they serve the request are not visible to the question about its response.
func TestI1_HandlersBehindTheGateDoNotReachTheQuestion(t *testing.T) {
	e := &echo{}
	h := harness.StartSite(t, e, fmt.Sprintf(`route {
		map {header.X-Key} {login} {
			default alice
		}
		%s
		@page path /page
		vars @page later page
		request_header X-Later {vars.later}
		reverse_proxy PORTAL {
			header_up X-Remote-User {login}
		}
	}`, gate))
	b := h.Browser()
	b.Get("/start")
	e.forget()
	r := b.Request(http.MethodPost, "/page", strings.NewReader("a=b")) // also asked about after its response
	if p := b.Do(r); p.Status != http.StatusOK {
		t.Fatalf("answered %d", p.Status)
	}
	questions := e.at("/me")
	if len(questions) < 2 {
		t.Fatalf("%d questions", len(questions))
	}
	for _, q := range questions {
		if user := q.Header.Get("X-Remote-User"); user != "" && user != "alice" || strings.Contains(q.Header.Get("X-Later"), "page") {
			t.Errorf("whoami got %q and %q", q.Header.Get("X-Remote-User"), q.Header.Get("X-Later"))
		}
	}
}
