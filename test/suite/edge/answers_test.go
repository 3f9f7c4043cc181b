package edge

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// answersSites are sites with a portal that trusts X-Remote-User. The account is the one in X-Me,
// or the one in the address: /of/NAME or /page?of=NAME.
func answersSites(authenticator string) map[string]string {
	const proxy = "reverse_proxy PORTAL {\n header_up X-Remote-User "
	const byPath, byQuery = `"~^\w* /of/(\w+)" "${1}"`, `"~^\w* .*[?]of=(\w+)" "${1}"`
	mapped := func(source, line string) string {
		return "map \"{header.X-Me} " + source + "\" {acct} {\n " + line + "\n \"~^(\\w+) \" \"${1}\"\n}\n"
	}
	return map[string]string{
		"map of the path":       mapped("{path}", byPath) + gate + proxy + "{acct}\n}",
		"map of the query":      mapped("{uri}", byQuery) + gate + proxy + "{acct}\n}",
		"map of a map":          mapped("{path}", byPath) + "map {acct} {name} {\n \"~(.*)\" \"${1}\"\n}\n" + gate + proxy + "{name}\n}",
		"map, vars":             "route {\n" + mapped("{path}", byPath) + "vars acct {acct}\n" + gate + proxy + "{vars.acct}\n}\n}",
		"map, FastCGI's user":   "route {\n" + mapped("{path}", byPath) + "vars http.auth.user.id {acct}\n" + gate + proxy + "{http.auth.user.id}\n}\n}",
		"map, header behind":    "route {\n" + mapped("{path}", byPath) + gate + "request_header X-Remote-User {acct}\nreverse_proxy PORTAL\n}",
		"path_regexp":           "@of path_regexp of ^/of/(\\w+)\nhandle @of {\n" + gate + proxy + "{re.of.1}\n}\n}\nhandle {\n" + gate + proxy + "{header.X-Me}\n}\n}",
		"path_regexp, no name":  "@of path_regexp ^/of/(\\w+)\nhandle @of {\n" + gate + proxy + "{re.1}\n}\n}\nhandle {\n" + gate + proxy + "{header.X-Me}\n}\n}",
		"forward_auth":          "forward_auth " + authenticator + " {\n uri /\n}\n" + gate + proxy + "{http.reverse_proxy.header.X-Login}\n}",
		"gate in a named route": "route {\n" + mapped("{path}", byPath) + "invoke gate\n" + proxy + "{acct}\n}\n}",
	}
}

// TestI1_AnswersPerPlaceholders: an answer about a request is not reused for one for
// which handlers before the gate stored other values. 1. Mallory asks for an address of
// the own account. 2. Mallory asks for one that makes the portal take her for victim.
func TestI1_AnswersPerPlaceholders(t *testing.T) {
	auth := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, named := strings.CutPrefix(r.Header.Get("X-Forwarded-Uri"), "/of/")
		if !named {
			user = r.Header.Get("X-Me")
		}
		w.Header().Set("X-Login", user)
	}))
	defer auth.Close()
	for name, site := range answersSites(strings.TrimPrefix(auth.URL, "http://")) {
		t.Run(name, func(t *testing.T) {
			h := startAnswers(t, site)
			of := func(user string) string {
				if name == "map of the query" {
					return "/page?of=" + user
				}
				return "/of/" + user
			}
			owner := h.Browser()
			owner.Header.Set("X-Me", "victim")
			owner.Get("/start")
			owner.Enrol()

			b := h.Browser()
			b.Header.Set("X-Me", "mallory")
			b.Get("/start")
			for range 2 {
				if p := b.Get(of("mallory")); !strings.Contains(p.Body, `page of "mallory"`) {
					t.Fatalf("the own page: %d %s", p.Status, p.Body)
				}
				if p := b.Get(of("victim")); p.Status == http.StatusOK || strings.Contains(p.Body, "page of") {
					t.Errorf("the victim's page: %d %s", p.Status, p.Body)
				}
			}
		})
	}
}

// startAnswers starts a site, with the gate in a named route where the site invokes that.
func startAnswers(t *testing.T, site string) *harness.Harness {
	t.Helper()
	if !strings.Contains(site, "invoke gate") {
		return harness.StartSite(t, &echo{}, site)
	}
	return harness.StartWhole(t, &echo{}, "{\n"+harness.GlobalLines+"two_factor {\n storage memory DIR\n}\n}\n&(gate) {\n"+gate+"}\n"+
		"http://127.0.0.1:PORT {\n bind 127.0.0.1\n"+site+"\n}\n")
}

// TestI1_AnswersBeforeStripping: `map` reads the request as it arrived, for the portal and for
// whoami alike, although the gate removes parts of it later.
func TestI1_AnswersBeforeStripping(t *testing.T) {
	e := &echo{}
	b := harness.StartSite(t, e, `map {query} {acct} {
			"~of=(\w+)$" "${1}"
		}
		`+gate+`
		reverse_proxy PORTAL {
			header_up X-Remote-User {acct}
		}`).Browser()
	b.Get("/start?of=mallory")
	b.Get("/page?of=mallory")
	e.forget()
	b.Get("/page?of=bob&PHPSESSID=of=mallory")
	if p, q := e.at("/page"), e.at("/me"); len(p) != 1 || p[0].Header.Get("X-Remote-User") != "mallory" || len(q) != 0 {
		t.Errorf("%d pages, %d questions: the answer about mallory served another user", len(p), len(q))
	}
}

// TestI1_AnswersServeOtherCaptures: values that no handler behind the gate mentions cost
// no questions.
func TestI1_AnswersServeOtherCaptures(t *testing.T) {
	e := &echo{}
	b := harness.StartSite(t, e, `@page path_regexp page ^/page/(\w+)
		header @page X-Page {re.page.1}
		map {path} {unused} {
			~(.*) "${1}"
		}
		`+gate+`
		reverse_proxy PORTAL {
			header_up X-Remote-User {header.X-Me}
		}`).Browser()
	b.Header.Set("X-Me", "mallory")
	b.Get("/start")
	b.Get("/page/1")
	e.forget()
	for i := range 5 {
		if p := b.Get(fmt.Sprintf("/page/%d", i)); p.Status != http.StatusOK {
			t.Fatalf("answered %d", p.Status)
		}
	}
	if n := len(e.at("/me")); n > 0 {
		t.Errorf("%d questions", n)
	}
}
