package gatewayrules

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// signIns are ways to sign in; the query gets the kind of page and the treatment of the session
// id.
var signIns = []struct {
	name string
	// declared reports that the configuration declares this request a possible sign-in.
	declared bool
	send     func(b *harness.Browser, user, query string) *harness.Page
}{
	{"form", true, func(b *harness.Browser, user, query string) *harness.Page {
		return b.Post("/in?"+query, url.Values{"user": {user}, "password": {"x"}})
	}},
	{"query", true, func(b *harness.Browser, user, query string) *harness.Page {
		return b.Get("/in?user=" + user + "&password=x&" + query)
	}},
	{"script", true, func(b *harness.Browser, user, query string) *harness.Page {
		return b.Fetch(http.MethodPost, "/as/"+user+"?"+query, "application/json", `{"user":"`+user+`"}`)
	}},
	{"put", true, func(b *harness.Browser, user, query string) *harness.Page {
		return b.Fetch(http.MethodPut, "/as/"+user+"?"+query, "", "")
	}},
	{"head", true, func(b *harness.Browser, user, query string) *harness.Page {
		return b.Do(b.Request(http.MethodHead, "/in?user="+user+"&password=x&"+query, nil))
	}},
	{"ranged link", false, func(b *harness.Browser, user, query string) *harness.Page {
		r := b.Request(http.MethodGet, "/as/"+user+"?"+query, nil)
		r.Header.Set("Range", "bytes=0-3")
		r.Header.Set("Accept-Encoding", "gzip")
		return b.Do(r)
	}},
	{"link", false, func(b *harness.Browser, user, query string) *harness.Page {
		return b.Get("/as/" + user + "?" + query)
	}},
}

// ids are the treatments of the session's id at a sign-in.
var ids = map[string]string{"id stays": "", "id changes": "&rotate=1", "old id lives on": "&rotate=1&keep=1"}

// TestGate_SignInWithheld: a sign-in as a user who owes a code, in any kind of visit and by any
// means. No byte of the portal's response is on the wire, and neither the new nor the old cookies
// show any data afterwards.
func TestGate_SignInWithheld(t *testing.T) {
	h := startDesk(t, "settle 50ms")
	alice := h.enrol("alice")
	h.enrol("bob")
	visits := map[string]func() *harness.Browser{
		"stranger":          h.Browser,
		"anonymous session": func() *harness.Browser { b := h.Browser(); b.Get("/"); return b },
		"cleared as alice":  func() *harness.Browser { return h.cleared("alice", alice) },
		"unenrolled carol":  func() *harness.Browser { b := h.Browser(); h.in(b, "carol"); return b },
	}
	for visit, start := range visits {
		mayPass := visit == "cleared as alice" || visit == "unenrolled carol"
		for _, way := range signIns {
			for id, query := range ids {
				for i, kind := range kinds {
					if mayPass && !way.declared && query == "" && kind != "redirect" {
						continue // the documented rest: an undeclared GET, 200, no cookie changed
					}
					if i > 0 && kind != "redirect" && way.name != "form" && way.name != "query" && (visit != "cleared as alice" || id != "id changes") {
						continue // every kind with every way once, in the visit with most to lose
					}
					withheld(t, h, fmt.Sprintf("%s, %s, %s, %s", visit, way.name, id, kind), start(), func(b *harness.Browser) *harness.Page {
						return way.send(b, "bob", "kind="+kind+query)
					})
				}
			}
		}
	}
}

// withheld has the browser sign in as bob and looks at every byte that it is sent.
func withheld(t *testing.T, h *deskHarness, name string, b *harness.Browser, signIn func(*harness.Browser) *harness.Page) {
	t.Helper()
	before := h.desk.signIns()
	old := b.Clone()
	w := spy(t, b)
	old.Client.Transport = b.Client.Transport
	p := signIn(b)
	if h.desk.signIns() == before {
		t.Errorf("%s: nobody signed in, so nothing was tested", name)
	}
	if p.Status != http.StatusSeeOther && p.Status != http.StatusUnauthorized {
		t.Errorf("%s: status %d", name, p.Status)
	}
	for _, jar := range []*harness.Browser{b, old} {
		jar.Get("/page")
		jar.Fetch(http.MethodGet, "/page", "", "")
		jar.Post("/page", url.Values{"x": {"y"}})
	}
	if raw := w.take(); strings.Contains(raw, markOf("bob")) {
		t.Errorf("%s: shown to somebody who owes a code:\n%.1500s", name, raw)
	}
	if strings.Contains(b.Clone().Get("/page").Body, markOf("alice")) {
		t.Errorf("%s: the clearance as alice is alive", name)
	}
}

// TestGate_SignInShown is the control of TestGate_SignInWithheld: a user who owes nothing gets the
// whole response, so that the searched marks are in it.
func TestGate_SignInShown(t *testing.T) {
	h := startDesk(t, "")
	for _, way := range signIns {
		for _, kind := range kinds {
			b := h.Browser()
			b.Get("/")
			w := spy(t, b)
			way.send(b, "carol", "kind="+kind+"&rotate=1")
			if raw := w.take(); !strings.Contains(raw, markOf("carol")) {
				t.Errorf("%s, %s: not on the wire:\n%s", way.name, kind, raw)
			}
		}
	}
}

// TestGate_RequiredWithheld: where a factor is required, a user without one gets only the set-up.
func TestGate_RequiredWithheld(t *testing.T) {
	h := startDesk(t, "require always\n")
	b := h.Browser()
	w := spy(t, b)
	if p := h.in(b, "carol"); p.Status != http.StatusSeeOther || p.Location != "/two-factor/setup" {
		t.Errorf("sign-in: %d %q", p.Status, p.Location)
	}
	if p := b.Get("/page"); p.Location != "/two-factor/setup" {
		t.Errorf("page: %d %q", p.Status, p.Location)
	}
	if p := b.Fetch(http.MethodGet, "/page", "", ""); p.Status != http.StatusUnauthorized || !strings.Contains(p.Body, "/two-factor/setup") {
		t.Errorf("script: %d %s", p.Status, p.Body)
	}
	if raw := w.take(); strings.Contains(raw, markOf("carol")) {
		t.Errorf("shown before the set-up:\n%s", raw)
	}
	b.Enrol()
	if p := b.Get("/page"); p.Body != markOf("carol") {
		t.Errorf("after the set-up: %d %q %s", p.Status, p.Location, p.Body)
	}
}
