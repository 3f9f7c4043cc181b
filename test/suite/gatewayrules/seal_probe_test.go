package gatewayrules

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// probe is a Legacy portal that sets the cookies that a request asks for and records the questions
// that it gets. It makes no session for strangers.
type probe struct {
	harness.Legacy
	// also runs first; true means that it answered.
	also func(w http.ResponseWriter, r *http.Request) bool

	mu        sync.Mutex
	questions []*http.Request
}

func newProbe() *probe {
	p := &probe{Legacy: harness.Legacy{Lazy: true}}
	p.Before = p.before
	return p
}

func (p *probe) before(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
	if r.URL.Path == "/me" {
		p.mu.Lock()
		p.questions = append(p.questions, r.Clone(context.Background()))
		p.mu.Unlock()
	}
	for _, line := range r.URL.Query()["set"] {
		w.Header().Add("Set-Cookie", line)
	}
	return p.also != nil && p.also(w, r)
}

// question is the last question, or nil.
func (p *probe) question() *http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.questions) == 0 {
		return nil
	}
	return p.questions[len(p.questions)-1]
}

// together is the last question about all credentials of a request that has these
// headers; those about each kind alone come after it.
func (p *probe) together(names ...string) *http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, q := range slices.Backward(p.questions) {
		if !slices.ContainsFunc(names, func(name string) bool { return q.Header.Get(name) == "" }) {
			return q
		}
	}
	return nil
}

// cookieAt is the Cookie header of the last request that arrived for the path.
func (p *probe) cookieAt(t testing.TB, path string) string {
	t.Helper()
	r := p.Last(path)
	if r == nil {
		t.Fatalf("nothing arrived for %s", path)
	}
	return r.Header.Get("Cookie")
}

// setting returns the address of a page with these lines as its Set-Cookie headers.
func setting(path string, lines ...string) string {
	return path + "?" + url.Values{"set": lines}.Encode()
}

// cookies are the cookies that a page set, by name.
func cookies(p *harness.Page) map[string]*http.Cookie {
	out := make(map[string]*http.Cookie)
	for _, line := range p.Header["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err == nil {
			out[c.Name] = c
		}
	}
	return out
}

// sealedNames are the names of sealed cookies that a page set, or deleted.
func sealedNames(p *harness.Page, deleted bool) (names []string) {
	for name, c := range cookies(p) {
		if strings.HasPrefix(strings.TrimPrefix(name, "__Host-"), "sg-") && (c.MaxAge < 0) == deleted {
			names = append(names, name)
		}
	}
	return slices.Sorted(slices.Values(names))
}

// sealedHere are the names of the sealed cookies that a browser holds.
func sealedHere(b *harness.Browser) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(b.Cookies("/"))) {
		if strings.HasPrefix(strings.TrimPrefix(name, "__Host-"), "sg-") {
			names = append(names, name)
		}
	}
	return names
}

// drop takes a cookie out of a browser.
func drop(b *harness.Browser, name string) {
	u, _ := url.Parse(b.Base)
	b.Client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Path: "/", MaxAge: -1}})
}

// behindTLS makes a browser come over HTTPS, through a proxy that Caddy trusts.
func behindTLS(b *harness.Browser) *harness.Browser {
	b.Header.Set("X-Forwarded-Proto", "https")
	b.Client.Transport = transportFrom("127.0.0.2")
	b.Client.Jar = httpsJar{b.Client.Jar}
	return b
}

// transportFrom connects from an address of its own.
func transportFrom(address string) *http.Transport {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	return &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}
}

// httpsJar keeps and sends cookies as if over HTTPS.
type httpsJar struct{ http.CookieJar }

func (j httpsJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(overHTTPS(u), cookies)
}

func (j httpsJar) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(overHTTPS(u)) }

func overHTTPS(u *url.URL) *url.URL {
	out := *u
	out.Scheme = "https"
	return &out
}
