package gatewayrules

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// owing is a browser in which alice is signed in and owes a code.
func (h *deskHarness) owing() *harness.Browser {
	b := h.Browser()
	b.Get("/")
	h.in(b, "alice")
	return b
}

// TestGate_RefusalPage: a refused navigation gets 303 to the challenge, uncached, and returns to
// the requested page after the code.
func TestGate_RefusalPage(t *testing.T) {
	h := startDesk(t, "")
	alice := h.enrol("alice")
	for _, target := range []string{"/page", "/page?a=b&c=%2Fd", "/a%2Fb/%C3%BC?x=%26", "/page?kind=error"} {
		b := h.owing()
		p := b.Get(target)
		challenged(t, target, p)
		if p.Header.Get("Cache-Control") != "no-store" || p.Body != "" {
			t.Errorf("%s: %v %q", target, p.Header, p.Body)
		}
		if p := b.Pass(alice.Code(t)); p.Status != http.StatusSeeOther || p.Location != target {
			t.Errorf("asked for %s, after the code %d %q", target, p.Status, p.Location)
		}
	}
}

// TestGate_RefusalLeads: after a withheld sign-in and a code the user is redirected to the
// portal's target. A foreign address or an own page is not used as target.
func TestGate_RefusalLeads(t *testing.T) {
	l := &leading{desk: newDesk()}
	h := &deskHarness{harness.Start(t, l, deskLines), l.desk, t}
	alice := h.enrol("alice")
	for to, want := range map[string]string{
		"/welcome?x=1": "/welcome?x=1", "welcome": "/welcome", "?x=1": "/in?x=1", "//evil.test/x": "/", "https://evil.test/": "/", `/\evil.test`: "/",
		"javascript:alert(1)": "/", "/two-factor/disable": "/", "/%09/evil.test": "/", "https:evil.test": "/", "///evil.test": "/", "/.//evil.test": "/",
	} {
		l.to = to
		b := h.owing()
		if p := b.Pass(alice.Code(t)); p.Status != http.StatusSeeOther || p.Location != want {
			t.Errorf("the portal led to %q, after the code %d %q, want %q", to, p.Status, p.Location, want)
		}
	}
}

// leading is a desk that redirects to an address after a sign-in.
type leading struct {
	*desk
	to string
}

func (l *leading) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/in" && r.Method == http.MethodPost {
		q := r.URL.Query()
		q.Set("kind", "redirect")
		r.URL.RawQuery = q.Encode()
		w = relocated{w, l.to}
	}
	l.desk.ServeHTTP(w, r)
}

type relocated struct {
	http.ResponseWriter
	to string
}

func (w relocated) WriteHeader(status int) {
	w.Header().Set("Location", w.to)
	w.ResponseWriter.WriteHeader(status)
}

// TestGate_RefusalScript: scripts, API clients and everything that is no page get 401
// and a problem document that names the challenge, never HTML.
func TestGate_RefusalScript(t *testing.T) {
	h := startDesk(t, "")
	h.enrol("alice")
	b := h.owing()
	requests := map[string]*http.Request{}
	for name, header := range map[string]http.Header{
		"fetch":  {"Sec-Fetch-Mode": {"cors"}, "Accept": {"*/*"}},
		"xhr":    {"X-Requested-With": {"XMLHttpRequest"}, "Sec-Fetch-Mode": nil},
		"api":    {"Sec-Fetch-Mode": nil, "Accept": {"application/json"}},
		"stream": {"Sec-Fetch-Mode": {"cors"}, "Accept": {"text/event-stream"}},
		"curl":   {"Sec-Fetch-Mode": nil, "Accept": {"*/*"}},
		"image":  {"Sec-Fetch-Mode": {"no-cors"}, "Accept": {"image/*"}},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead} {
			r := b.Request(method, "/page", nil)
			for k, v := range header {
				r.Header[k] = v
			}
			requests[name+" "+method] = r
		}
	}
	for name, r := range requests {
		p := b.Do(r)
		if p.Status != http.StatusUnauthorized || p.Header.Get("Content-Type") != "application/problem+json" || p.Header.Get("Cache-Control") != "no-store" || p.Location != "" {
			t.Errorf("%s: %d %v", name, p.Status, p.Header)
		}
		if r.Method == http.MethodHead {
			continue
		}
		var problem struct {
			Type, Title, Challenge string
			Status                 int
		}
		if err := json.Unmarshal([]byte(p.Body), &problem); err != nil || problem.Challenge != "/two-factor/challenge" || problem.Status != p.Status || problem.Title == "" || problem.Type == "" {
			t.Errorf("%s: %s %v", name, p.Body, err)
		}
	}
}

// TestGate_RefusedPost: a refused form was not sent to the portal. After the code the user is back
// on the form's page, which says so.
func TestGate_RefusedPost(t *testing.T) {
	h := startDesk(t, "")
	alice := h.enrol("alice")
	for referer, want := range map[string]string{"/form?id=7": "/form?id=7", "": "/", "https://evil.test/form": "/", "/two-factor/disable": "/"} {
		b := h.owing()
		r := b.Request(http.MethodPost, "/send", strings.NewReader("a=b"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if strings.HasPrefix(referer, "/") {
			r.Header.Set("Referer", h.URL+referer)
		} else if referer != "" {
			r.Header.Set("Referer", referer)
		}
		challenged(t, referer, b.Do(r))
		if h.desk.last("/send") != nil {
			t.Fatal("it was sent")
		}
		p := b.Pass(alice.Code(t))
		if p.Status == http.StatusOK && strings.Contains(p.Body, "not sent") {
			if !strings.Contains(p.Body, `href="`+want+`"`) {
				t.Errorf("from %q: the page does not lead back to %s:\n%.3000s", referer, want, p.Body)
			}
			continue
		}
		next := b.Get(p.Location)
		if !strings.Contains(next.Body, "not sent") || !strings.Contains(next.Body, `href="`+want+`"`) {
			t.Errorf("from %q: %d %q, then %d\n%.3000s", referer, p.Status, p.Location, next.Status, next.Body)
		}
	}
}

// TestGate_StrangeRequests: a request that rules can't decide, or that would make the portal
// reveal its cookies, is refused and does not reach the portal.
func TestGate_StrangeRequests(t *testing.T) {
	h := startDesk(t, "")
	alice := h.enrol("alice")
	b := h.cleared("alice", alice)
	cookies := func(n int) string { return "Cookie: " + strings.Repeat("a=b; ", n) + "a=b\n" }
	for name, tt := range map[string]struct {
		head string
		want string
	}{
		"trace":                {"TRACE /strange HTTP/1.1\n\n", "405"},
		"connect":              {"CONNECT " + strings.TrimPrefix(h.URL, "http://") + " HTTP/1.1\n\n", "405"},
		"connection: cookie":   {"GET /strange HTTP/1.1\nConnection: Cookie\n\n", "400"},
		"connection: identity": {"GET /strange HTTP/1.1\nConnection: close, X-User\n\n", "400"},
		"two cookie lines":     {"GET /strange HTTP/1.1\nCookie: a=b\nCookie: c=d\n\n", "400"},
		"control character":    {"GET /strange HTTP/1.1\nCookie: a=b\x01c\n\n", "400"},
		"too many pairs":       {"GET /strange HTTP/1.1\n" + cookies(300) + "\n", "400"},
		"endless path":         {"GET /" + strings.Repeat("a", 8200) + "%2e" + " HTTP/1.1\n\n", "400"},
	} {
		c := rawRequest(t, h.Browser(), tt.head)
		raw, _ := io.ReadAll(c)
		if !strings.HasPrefix(string(raw), "HTTP/1.1 "+tt.want) || strings.Contains(string(raw), "SECRET") {
			t.Errorf("%s: %.300q", name, raw)
		}
	}
	if h.desk.last("/strange") != nil {
		t.Error("one of them reached the portal")
	}
	// Caddy would take the cookies out, and the portal see another request than whoami did.
	c := rawRequest(t, b, "GET /strange HTTP/1.1\nConnection: Cookie\n\n")
	if raw, _ := io.ReadAll(c); !strings.HasPrefix(string(raw), "HTTP/1.1 400") {
		t.Errorf("cleared, Connection: Cookie: %.200q", raw)
	}
}

// TestGate_MethodOverride: headers that make a framework read another method, and undeclared
// credentials, do not reach the portal.
func TestGate_MethodOverride(t *testing.T) {
	h := startDesk(t, "")
	b := h.Browser()
	b.Get("/")
	h.in(b, "carol")
	names := []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "Authorization", "Proxy-Authorization", "X-Api-Key", "X-Auth-Token"}
	r := b.Request(http.MethodGet, "/page", nil)
	for _, name := range names {
		r.Header.Set(name, "POST")
	}
	shows(t, "with such headers", b.Do(r), "carol")
	for _, name := range names {
		if got := h.desk.last("/page").Header.Get(name); got != "" {
			t.Errorf("%s: %s reached the portal", name, got)
		}
	}
	for _, underscored := range []string{"X_HTTP_METHOD_OVERRIDE", "X_User", "X.Http.Method.Override"} {
		c := rawRequest(t, b, "GET /folded HTTP/1.1\n"+underscored+": POST\n\n")
		_, _ = io.ReadAll(c)
		for name := range h.desk.last("/folded").Header {
			if strings.ContainsAny(name, "_.") {
				t.Errorf("%s reached the portal", name)
			}
		}
	}
}

// TestGate_ReturnIsItsOwners: alice's return address is not used for bob.
func TestGate_ReturnIsItsOwners(t *testing.T) {
	h := startDesk(t, "")
	h.enrol("alice")
	bob := h.enrol("bob")
	a, b := h.owing(), h.Browser()
	challenged(t, "alice's page", a.Get("/only-for-alice"))
	b.Get("/")
	h.in(b, "bob")
	b.SetCookie("secondgate-return", a.Cookies("/")["secondgate-return"])
	if p := b.Pass(bob.Code(t)); p.Status != http.StatusSeeOther || strings.Contains(p.Location, "alice") {
		t.Errorf("bob is led to %d %q", p.Status, p.Location)
	}
}
