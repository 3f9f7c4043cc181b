package gatewayrules

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// rawGet sends the request line unchanged, without the normalisation of a client.
func rawGet(t *testing.T, b *harness.Browser, target string, more ...string) string {
	t.Helper()
	c := rawRequest(t, b, "GET "+target+" HTTP/1.1\n"+strings.Join(more, "")+"\n")
	raw, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestGate_Deny: a side door is refused with 403 under every reading of the path, for all users.
// Neighbouring paths are not.
func TestGate_Deny(t *testing.T) {
	h := startDesk(t, "deny /xmlrpc.php /hooks/* /jsonrpc\n")
	b := h.Browser()
	b.Get("/")
	h.in(b, "carol")
	for _, target := range []string{
		"/xmlrpc.php", "//xmlrpc.php", "/xmlrpc%2ephp", "/XMLRPC.PHP", "/xmlrpc.php/", "/xmlrpc.php/x.css", "/xmlrpc.php?user=a",
		"/wp-admin/..%2fxmlrpc.php", "/wp-admin/../xmlrpc.php", "/wp-admin/..;/xmlrpc.php", "/./xmlrpc.php", "/xmlrpc.php;a=b", "/xmlrpc%252ephp",
		"/%78mlrpc.php", "/xmlrpc.php%00.css", "/xmlrpc.php%20", "/xmlrpc.php.", "/xmlrpc.php::$DATA", `/a/..%5cxmlrpc.php`,
		"/hooks/x", "/hooks/..;/hooks/manager/", "//hooks//x", "/jsonrpc/", "/jsonrpc",
	} {
		for _, who := range []*harness.Browser{h.Browser(), b} {
			if raw := rawGet(t, who, target); !strings.HasPrefix(raw, "HTTP/1.1 403 ") {
				t.Errorf("%s: %.80q", target, raw)
			}
		}
	}
	for _, r := range h.desk.seen {
		if r.URL.Path != "/" && r.URL.Path != "/in" {
			t.Errorf("%s %s reached the portal", r.Method, r.URL)
		}
	}
	for _, target := range []string{"/xmlrpc", "/page", "/hook", "/docs/xmlrpc.php.html"} {
		if raw := rawGet(t, b, target); !strings.HasPrefix(raw, "HTTP/1.1 200 ") {
			t.Errorf("%s: %.80q", target, raw)
		}
	}
}

// TestGate_DenyRewritten: deny checks the path of the request and the rewritten path that the
// portal gets.
func TestGate_DenyRewritten(t *testing.T) {
	d := newDesk()
	h := harness.StartSite(t, d, "rewrite /new /xmlrpc.php\nrewrite /old.php /page\ntwo_factor {\n"+deskLines+"deny /xmlrpc.php /old.php\n}\nreverse_proxy PORTAL")
	for _, path := range []string{"/new", "/old.php", "/xmlrpc.php"} {
		if p := h.Browser().Get(path); p.Status != http.StatusForbidden || p.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d", path, p.Status)
		}
	}
}

// TestGate_Trust: a trusted request passes unchanged for every sender, except for the gateway's
// own cookies, which neither arrive nor can be set. All other requests are not trusted.
func TestGate_Trust(t *testing.T) {
	d := newDesk()
	h := &deskHarness{harness.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/webhook") {
			for _, name := range []string{"sg", "sg-x", "__Host-sg", "secondgate-flash", "plain"} {
				w.Header().Add("Set-Cookie", name+"=1")
			}
		}
		d.ServeHTTP(w, r)
	}), deskLines+"trust /webhook\n"), d, t}
	alice := h.enrol("alice")
	b := h.cleared("alice", alice)
	b.SetCookie("foreign", "1")
	r := b.Request(http.MethodPost, "/webhook?PHPSESSID=abc", strings.NewReader("x"))
	r.Header.Set("Authorization", "Bearer secret")
	r.Header.Set("X-Api-Key", "key")
	p := b.Do(r)
	got := d.last("/webhook")
	if p.Status != http.StatusOK || got == nil {
		t.Fatalf("%d %s", p.Status, p.Body)
	}
	if got.Header.Get("Authorization") == "" || got.Header.Get("X-Api-Key") == "" || got.URL.RawQuery != "PHPSESSID=abc" {
		t.Errorf("not verbatim: %v %v", got.URL, got.Header)
	}
	if cookies := got.Header.Get("Cookie"); cookies != "foreign=1" {
		t.Errorf("cookies at the portal: %q", cookies)
	}
	for _, c := range p.Header["Set-Cookie"] {
		if !strings.HasPrefix(c, "plain=") && !strings.HasPrefix(c, "desk=") {
			t.Errorf("the portal sets %s", c)
		}
	}
	if len(p.Header["Set-Cookie"]) == 0 {
		t.Error("its other cookies do not pass")
	}
	for _, target := range []string{"/webhook/../page", "/page/..;/webhook", "/webhook%2f..%2fpage", "/Webhook;x", "/page"} {
		raw := rawGet(t, h.Browser(), target, "Authorization: Bearer secret\nCookie: desk=x\n")
		for _, seen := range d.seen {
			if seen.URL.Path != "/webhook" && seen.Header.Get("Authorization") != "" {
				t.Fatalf("%s was trusted: %.80q", target, raw)
			}
		}
	}
}

// assetPortal answers every path as an asset. Its text lists the cookies that arrived, and it sets
// one.
type assetPortal struct{ *desk }

func (p assetPortal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.URL.Path, ".css") && !strings.HasPrefix(r.URL.Path, "/static/") {
		p.desk.ServeHTTP(w, r)
		return
	}
	p.mu.Lock()
	p.seen = append(p.seen, r.Clone(r.Context()))
	p.mu.Unlock()
	q := r.URL.Query()
	w.Header().Set("Set-Cookie", "desk=planted; Path=/")
	w.Header().Set("Content-Type", "text/css")
	if strings.Contains(r.URL.Path, "html") {
		w.Header().Set("Content-Type", "text/html")
	}
	status := http.StatusOK
	if v, ok := strings.CutPrefix(q.Get("v"), "s"); ok {
		_, _ = fmt.Sscan(v, &status)
	}
	w.WriteHeader(status)
	if status != http.StatusNotModified {
		fmt.Fprint(w, "asset for ", r.Header.Get("Cookie"), r.Header.Get("Authorization"), r.Header.Get("X-Who"))
	}
}

// TestGate_Public: an asset is fetched without any credential, its cookies are dropped, and only
// 200, 206 and 304 with an asset's type are released.
func TestGate_Public(t *testing.T) {
	d := newDesk()
	h := &deskHarness{harness.Start(t, assetPortal{d}, deskLines+"public /static/*\ncredential header Authorization\ncredential query token\n"), d, t}
	alice := h.enrol("alice")
	owing := h.Browser()
	owing.Get("/")
	h.in(owing, "alice")
	asset := func(b *harness.Browser, path string) *harness.Page {
		r := b.Request(http.MethodGet, path, nil)
		r.Header.Set("Sec-Fetch-Mode", "no-cors")
		r.Header.Set("Sec-Fetch-Dest", "style")
		r.Header.Set("Authorization", "Bearer x")
		r.Header.Set("X-Who", "alice")
		return b.Do(r)
	}
	for _, path := range []string{"/a.css", "/a/b.css?v=6.1", "/static/app", "/static/app?x=y&token=abc"} {
		p := asset(owing, path)
		if p.Status != http.StatusOK || p.Body != "asset for " || len(p.Header["Set-Cookie"]) > 0 {
			t.Errorf("%s: %d %q %v", path, p.Status, p.Body, p.Header["Set-Cookie"])
		}
		if got := d.seen[len(d.seen)-1].URL.Query().Get("token"); got != "" {
			t.Errorf("%s: a credential in the query reached the portal", path)
		}
	}
	for status, want := range map[int]int{200: 200, 206: 206, 304: 304, 404: 404, 201: 403, 302: 403, 401: 403, 500: 403} {
		if p := asset(owing, fmt.Sprint("/a.css?v=s", status)); p.Status != want || want > 304 && strings.Contains(p.Body, "asset for") {
			t.Errorf("the portal's %d: %d %q", status, p.Status, p.Body)
		}
	}
	if p := asset(owing, "/static/html"); p.Status != http.StatusForbidden || strings.Contains(p.Body, "asset for") {
		t.Errorf("a page instead of an asset: %d %q", p.Status, p.Body)
	}
	for _, path := range []string{"/p.php/x.css?u=alice&p=x", "/p.php/x.css", "/x.css?u=a&p=b", "/x.css?user=alice&password=x", "/static/../page", "/static/..%2fpage.css", "/a;b.css"} {
		if p := asset(owing, path); p.Status != http.StatusUnauthorized {
			t.Errorf("%s is taken for an asset: %d %q", path, p.Status, p.Body)
		}
	}
	if p := owing.Fetch(http.MethodPost, "/a.css", "text/plain", "x"); p.Status != http.StatusUnauthorized {
		t.Errorf("a POST is taken for an asset: %d", p.Status)
	}
	// A user with a cached answer that lets them pass gets it like any other page.
	b := h.cleared("alice", alice)
	if p := asset(b, "/a.css"); !strings.Contains(p.Body, "desk=") {
		t.Errorf("cleared: %d %q", p.Status, p.Body)
	}
}

// TestGate_Guest: with `guest`, strangers reach only the guest paths; signed-in users reach all
// paths.
func TestGate_Guest(t *testing.T) {
	h := startDesk(t, "guest / /in /register*\n")
	alice := h.enrol("alice")
	b := h.Browser()
	for path, want := range map[string]int{
		"/": 200, "/in": 200, "/register/new": 200, "/page": 303, "/register/../page": 303, "/register;/../../page": 303, "/in/page": 303, "/api.php": 303,
	} {
		raw := rawGet(t, b, path, "Accept: text/html\n")
		if !strings.HasPrefix(raw, fmt.Sprintf("HTTP/1.1 %d ", want)) || want == 303 && !strings.Contains(raw, "\r\nLocation: /\r\n") {
			t.Errorf("%s: %.120q", path, raw)
		}
	}
	if p := b.Fetch(http.MethodPost, "/api.php", "application/json", "{}"); p.Status != http.StatusForbidden || !strings.Contains(p.Header.Get("Content-Type"), "problem+json") {
		t.Errorf("a script's: %d %s", p.Status, p.Body)
	}
	shows(t, "signed in", h.cleared("alice", alice).Get("/page"), "alice")
}

// TestGate_WatchUnsafe: while a visit is anonymous, safe responses pass without a question; unsafe
// ones and declared sign-ins are still judged.
func TestGate_WatchUnsafe(t *testing.T) {
	h := startDesk(t, "watch unsafe\n")
	h.enrol("bob")
	asked := 0
	h.desk.answerMe(func(http.ResponseWriter, *http.Request) bool { asked++; return false })
	b := h.Browser()
	b.Get("/")
	b.Get("/page")
	if asked = 0; b.Get("/page").Body != "nobody" || asked != 0 {
		t.Errorf("a safe request asks %d times", asked)
	}
	for name, signIn := range map[string]func(b *harness.Browser) *harness.Page{
		"form":  func(b *harness.Browser) *harness.Page { return h.in(b, "bob") },
		"query": func(b *harness.Browser) *harness.Page { return b.Get("/in?user=bob&password=x") },
		"put":   func(b *harness.Browser) *harness.Page { return b.Do(b.Request(http.MethodPut, "/as/bob", nil)) },
	} {
		b := h.Browser()
		b.Get("/")
		w := spy(t, b)
		old := b.Clone()
		waiting := later(func() *harness.Page { return b.Get("/page?stop=" + name) })
		h.desk.await(t)
		// A request that is no declared sign-in waits for the page.
		end := sync.OnceFunc(func() { close(h.desk.stop(name)) })
		if name == "put" {
			time.AfterFunc(time.Second, end)
		}
		challenged(t, name, signIn(b))
		end()
		<-waiting
		challenged(t, name+", afterwards", b.Get("/page"))
		challenged(t, name+", with the cookies from before", old.Get("/page"))
		if raw := w.take(); strings.Contains(raw, "SECRET") {
			t.Errorf("%s: shown:\n%.1000s", name, raw)
		}
	}
}

// TestGate_Rotates: with `rotates`, a cleared visit's unsafe requests are neither spooled nor
// queued nor judged, unless they change a cookie.
func TestGate_Rotates(t *testing.T) {
	h := startDesk(t, "rotates\n")
	alice := h.enrol("alice")
	h.enrol("bob")
	b := h.cleared("alice", alice)
	asked := 0
	h.desk.answerMe(func(http.ResponseWriter, *http.Request) bool { asked++; return false })
	first := later(func() *harness.Page { return b.Post("/page?stop=one", url.Values{"a": {"b"}}) })
	h.desk.await(t)
	asked = 0
	shows(t, "a POST beside another", b.Post("/page", url.Values{"a": {"b"}}), "alice")
	close(h.desk.stop("one"))
	shows(t, "the other", <-first, "alice")
	if asked != 0 {
		t.Errorf("asked %d times", asked)
	}
	// The last byte of a body may come whenever it likes.
	c := rawRequest(t, b, "POST /early HTTP/1.1\nContent-Length: 5\n\na=bc")
	w := spy(t, b)
	challenged(t, "bob signs in, undeclared", b.Post("/as/bob?rotate=1", url.Values{"a": {"b"}}))
	_, _ = io.WriteString(c, "d")
	if raw, _ := io.ReadAll(c); strings.Contains(string(raw), markOf("bob")) {
		t.Errorf("the held POST: %s", raw)
	}
	challenged(t, "afterwards", b.Get("/page"))
	if raw := w.take(); strings.Contains(raw, markOf("bob")) {
		t.Errorf("shown:\n%s", raw)
	}
	// `rotates` changes nothing for users who may not pass.
	stranger := h.Browser()
	stranger.Get("/")
	challenged(t, "a stranger signs in", h.in(stranger, "bob"))
}
