package gatewayrules

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAsk_ThroughTheSameRoute: whoami takes the route of the real request, through any handlers
// behind the gate, and neither disturbs the other.
func TestAsk_ThroughTheSameRoute(t *testing.T) {
	const gate = "two_factor {\n" + harness.LegacyLines + "\n}\n"
	sites := map[string]string{
		"handle": gate + `
			handle /me {
				reverse_proxy PORTAL
			}
			handle {
				reverse_proxy PORTAL
			}`,
		"rewrite behind the gate": "route {\n" + gate + `
			rewrite * /base{uri}
			uri strip_prefix /base
			reverse_proxy PORTAL
		}`,
		"vars and map behind the gate": "route {\n" + gate + `
			map {path} {upstream} {
				/me     PORTAL
				default PORTAL
			}
			vars to {upstream}
			reverse_proxy {vars.to}
		}`,
		"vars before the gate": `vars to PORTAL
			` + gate + "reverse_proxy {vars.to}",
		"encode and header": `encode gzip
			header X-Frame-Options DENY
			` + gate + "reverse_proxy PORTAL",
		"handle_response": gate + `reverse_proxy PORTAL {
				@ok status 2xx
				handle_response @ok {
					copy_response
				}
			}`,
		"one handle for all": "handle {\n" + gate + "reverse_proxy PORTAL\n}",
	}
	for name, site := range sites {
		t.Run(name, func(t *testing.T) {
			h := harness.StartSite(t, &harness.Legacy{}, site)
			wholeJourney(t, h, "")
		})
	}
}

// wholeJourney signs in, sets up, signs out and in again below a prefix.
func wholeJourney(t *testing.T, h *harness.Harness, prefix string) {
	t.Helper()
	b := h.Browser()
	b.Get(prefix + "/")
	credentials := map[string][]string{"user": {"alice"}, "password": {"pw-alice"}}
	if p := b.Post(prefix+"/login", credentials); p.Status != http.StatusFound {
		t.Fatalf("sign-in: %d %s", p.Status, p.Body)
	}
	device := b.Enrol()
	if p := b.Get(prefix + "/account"); !strings.Contains(p.Body, harness.SecretOf("alice")) {
		t.Fatalf("after the set-up: %d %s", p.Status, p.Body)
	}
	other := h.Browser()
	other.Get(prefix + "/")
	if p := other.Post(prefix+"/login", credentials); p.Location != "/two-factor/challenge" {
		t.Fatalf("signed in without a code: %d %q", p.Status, p.Location)
	}
	other.Pass(device.Code(t))
	if p := other.Get(prefix + "/account"); !strings.Contains(p.Body, harness.SecretOf("alice")) {
		t.Fatalf("after the code: %d %s", p.Status, p.Body)
	}
}

// TestAsk_BehindHandlePath: the gate sees rewritten paths, and whoami is one of them.
func TestAsk_BehindHandlePath(t *testing.T) {
	l := &harness.Legacy{}
	h := harness.StartSite(t, l, `
		handle /two-factor* {
			two_factor {
`+harness.LegacyLines+`
			}
			reverse_proxy PORTAL
		}
		handle_path /portal* {
			two_factor {
`+harness.LegacyLines+`
			}
			reverse_proxy PORTAL
		}
		handle {
			respond "nothing here" 404
		}`)
	wholeJourney(t, h, "/portal")
	if l.Last("/account") == nil || l.Last("/portal/account") != nil {
		t.Error("the prefix was not cut")
	}
}

// TestAsk_CarriesWhatTheRequestCarries: portals pin sessions to these.
func TestAsk_CarriesWhatTheRequestCarries(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines+"\ncredential header X-Device")
	b := h.Browser()
	b.SignIn("alice")
	r := b.Request(http.MethodPost, "/form?x=1", strings.NewReader("body=1"))
	r.Host = "127.0.0.1:" + r.URL.Port()
	carried := map[string]string{
		"User-Agent": "Odd/1.0", "Accept-Language": "fi", "Sec-Ch-Ua": `"A";v="1"`, "Sec-Ch-Ua-Platform": `"Linux"`, "Sec-Ch-Ua-Mobile": "?0", "Sec-Ch-Ua-Arch": "x86",
		"Origin": h.URL, "Referer": h.URL + "/page", "Content-Language": "fi", "Content-Encoding": "identity", "Prefer": "return=minimal", "Accept-Encoding": "gzip", "X-Device": "d1", "X-Unknown": "u1", "X-Real-Ip": "192.0.2.1",
	}
	dropped := map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Range": "bytes=0-1", "If-Range": "a", "If-None-Match": `"a"`, "If-Match": `"a"`,
		"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT", "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT", "Expect": "", "X-Requested-With": "XMLHttpRequest",
	}
	for name, value := range carried {
		r.Header.Set(name, value)
	}
	for name, value := range dropped {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if page := b.Do(r); page.Status != http.StatusOK {
		t.Fatalf("%d", page.Status)
	}
	real, q := p.Last("/form"), p.together("Cookie", "X-Device", "X-Unknown")
	if q == nil {
		t.Fatal("no question has all of it")
	}
	for name := range carried {
		if got, want := q.Header.Get(name), real.Header.Get(name); got != want || got == "" {
			t.Errorf("%s: whoami got %q, the request %q", name, got, want)
		}
	}
	for name := range dropped {
		if got := q.Header[name]; got != nil {
			t.Errorf("whoami got %s: %q", name, got)
		}
	}
	if q.Host != real.Host || q.Header.Get("Cookie") != real.Header.Get("Cookie") || q.Header.Get("X-Forwarded-For") != real.Header.Get("X-Forwarded-For") {
		t.Errorf("host, cookies or address differ: %v\n%v", q.Header, real.Header)
	}
	if q.Method != http.MethodGet || q.ContentLength > 0 || q.RequestURI != "/me" {
		t.Errorf("%s %s with %d bytes", q.Method, q.RequestURI, q.ContentLength)
	}
	if q.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("Cache-Control %q", q.Header.Get("Cache-Control"))
	}
}

// TestAsk_CarriesTheClientsAddress: a question carries the client's address according to the
// server's trusted_proxies.
func TestAsk_CarriesTheClientsAddress(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	b := behindTLS(h.Browser())
	b.Header.Set("X-Forwarded-For", "192.0.2.7")
	b.SignIn("alice")
	b.Get("/account")
	if got, want := p.question().Header, p.Last("/account").Header; got.Get("X-Forwarded-For") != want.Get("X-Forwarded-For") || !strings.Contains(got.Get("X-Forwarded-For"), "192.0.2.7") || got.Get("X-Forwarded-Proto") != "https" {
		t.Errorf("whoami got %v, the request %v", got, want)
	}
}

// TestAsk_UpgradeIsNotRepeated: the question about a WebSocket is a plain one.
func TestAsk_UpgradeIsNotRepeated(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines+"\nrecheck 0")
	b := h.Browser()
	b.SignIn("alice")
	r := b.Request(http.MethodGet, "/ws", nil)
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"} {
		r.Header.Set(name, value)
	}
	asked := p.Asked()
	b.Do(r)
	if p.Asked() == asked {
		t.Fatal("no question")
	}
	for _, name := range []string{"Upgrade", "Connection", "Sec-Websocket-Key", "Sec-Websocket-Version"} {
		if got := p.question().Header.Get(name); got != "" {
			t.Errorf("whoami got %s: %s", name, got)
		}
	}
}

// TestAsk_BodySizes: a whoami page is a whole page of the portal's.
func TestAsk_BodySizes(t *testing.T) {
	for _, tt := range []struct{ size, status int }{{300 << 10, http.StatusOK}, {2 << 20, http.StatusServiceUnavailable}} {
		p := newProbe()
		p.also = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/me" || r.Header.Get("Cookie") == "" {
				return false
			}
			fmt.Fprintf(w, `{"padding":%q,"user":"carol"}`, strings.Repeat("x", tt.size))
			return true
		}
		h := harness.Start(t, p, harness.LegacyLines)
		b := h.Browser()
		if page := b.Get(setting("/", "PHPSESSID=1; Path=/")); page.Status != tt.status {
			t.Errorf("with a page of %d bytes: %d", tt.size, page.Status)
		}
	}
}

// TestAsk_RedirectsAreNotFollowed: they may be the sign of a stranger.
func TestAsk_RedirectsAreNotFollowed(t *testing.T) {
	p := newProbe()
	p.also = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/me" {
			http.Redirect(w, r, "/login?back=/me", http.StatusFound)
			return true
		}
		return false
	}
	h := harness.Start(t, p, `whoami /me {
		anonymous redirect */login*
		user json user
	}`)
	b := h.Browser()
	b.Get(setting("/", "PHPSESSID=1; Path=/"))
	if page := b.Get("/x"); page.Status != http.StatusOK || p.Last("/login") != nil {
		t.Errorf("%d; followed: %v", page.Status, p.Last("/login") != nil)
	}
}

// TestAsk_UpstreamsAreNotMixedUp: whoami reaches the upstream of its own route, and the request
// that of its route.
func TestAsk_UpstreamsAreNotMixedUp(t *testing.T) {
	identity := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("PHPSESSID"); err == nil && r.URL.Path == "/me" {
			fmt.Fprintf(w, `{"user":%q}`, c.Value)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "identity")
	}))
	defer identity.Close()
	p := newProbe()
	h := harness.StartSite(t, p, `two_factor {
`+harness.LegacyLines+`
		recheck 0
	}
	handle /me {
		reverse_proxy `+strings.TrimPrefix(identity.URL, "http://")+`
	}
	handle {
		reverse_proxy PORTAL
	}`)
	b := h.Browser()
	b.Get(setting("/", "PHPSESSID=carol; Path=/"))
	for range 20 {
		if page := b.Get("/page"); page.Status != http.StatusOK || !strings.Contains(page.Body, "stranger") {
			t.Fatalf("%d %s", page.Status, page.Body)
		}
	}
	if p.question() != nil {
		t.Error("whoami went to the portal")
	}
}
