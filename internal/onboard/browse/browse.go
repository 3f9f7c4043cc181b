// Package browse is a web browser without a screen and without scripts. A [Browser] follows
// redirects, keeps cookies, reads pages, and finds and sends forms; [Browser.SignIn] signs
// in by a portal's form. Packages inspect, check and direct use it to act as a customer.
//
// No error of this package contains a password, a cookie's value or the query of a URL.
package browse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/contentcoding"
)

const (
	// redirects is the limit for one navigation. Browsers allow about 20.
	redirects = 10
	// limit is the size limit of a page, after decompression.
	limit = 5 << 20
	// timeout is the default for one request with its body.
	timeout = 30 * time.Second
	// agent is the User-Agent of a current desktop browser. Some portals send unknown
	// clients to another page.
	agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// Options say how a Browser reaches a portal. The zero value is valid.
type Options struct {
	Transport http.RoundTripper // http.DefaultTransport if nil
	Timeout   time.Duration     // of one request with its body, 30 s if 0
}

// Browser holds the cookies of one visitor. It must not be used concurrently.
type Browser struct {
	options Options
	jar     jar
}

// New returns a Browser without cookies.
func New(o Options) *Browser {
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Timeout == 0 {
		o.Timeout = timeout
	}
	return &Browser{options: o}
}

// Clone returns another browser with a copy of the cookies.
func (b *Browser) Clone() *Browser { return b.Only(func(Cookie) bool { return true }) }

// Cookies returns the unexpired cookies in the order of their arrival.
func (b *Browser) Cookies() []Cookie { return b.jar.alive(time.Now()) }

// Only returns another browser with a copy of the cookies for which keep returns true.
func (b *Browser) Only(keep func(Cookie) bool) *Browser {
	c := &Browser{options: b.options}
	for _, one := range b.Cookies() {
		if keep(one) {
			c.Put(one)
		}
	}
	return c
}

// Put stores a cookie, as a page's script does with document.cookie.
func (b *Browser) Put(c Cookie) { b.jar.put(c) }

// Navigation returns the headers that a current browser sends when an address is typed
// in. [Browser.Once] needs them to request a page without following its redirects.
func Navigation() http.Header {
	return http.Header{
		"Accept":                    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		"Upgrade-Insecure-Requests": {"1"},
		"Sec-Fetch-Dest":            {"document"},
		"Sec-Fetch-Mode":            {"navigate"},
		"Sec-Fetch-User":            {"?1"},
		"Sec-Fetch-Site":            {"none"},
	}
}

// Get opens a page as if its address were typed in, following redirects.
func (b *Browser) Get(ctx context.Context, address string) (*Page, error) {
	u, err := parse(address)
	if err != nil {
		return nil, err
	}
	return b.navigate(ctx, request{method: http.MethodGet, url: u})
}

// Follow opens the target of a link on a page, following redirects.
func (b *Browser) Follow(ctx context.Context, from *Page, href string) (*Page, error) {
	u, err := from.Resolve(href)
	if err != nil {
		return nil, err
	}
	return b.navigate(ctx, request{method: http.MethodGet, url: u, from: from.URL})
}

// Once sends one request and follows no redirect. It sends the browser's cookies,
// User-Agent, Accept-Language and the headers given, and stores the response's cookies.
func (b *Browser) Once(ctx context.Context, method, address string, header http.Header, body []byte) (*Page, error) {
	u, err := parse(address)
	if err != nil {
		return nil, err
	}
	return b.send(ctx, request{method: method, url: u, header: header, body: body})
}

func parse(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%w: the address given is no web address; write it like https://portal.example.com/", ErrUnreachable)
	}
	return u, nil
}

// request is a request before the browser's own headers are added.
type request struct {
	method string
	url    *url.URL
	from   *url.URL // the page with the link or form, or nil
	header http.Header
	body   []byte
}

// navigate sends a request with a browser's navigation headers and follows redirects. 307
// and 308 keep method and body; others become GET (Fetch standard, HTTP-redirect).
func (b *Browser) navigate(ctx context.Context, r request) (*Page, error) {
	kind := r.header.Get("Content-Type")
	for range redirects + 1 {
		r.header = navigation(r, kind)
		p, err := b.send(ctx, r)
		if err != nil {
			return nil, err
		}
		next := p.redirect()
		if next == nil {
			return p, nil
		}
		if p.Status != http.StatusTemporaryRedirect && p.Status != http.StatusPermanentRedirect {
			r.method, r.body, kind = http.MethodGet, nil, ""
		}
		r.url = next
	}
	return nil, problem(ErrRedirects, r.url, fmt.Sprintf("more than %d redirects", redirects),
		"open this address in a browser; if it works there, the portal may need cookies, HTTPS or another host name than the one given")
}

// navigation returns the headers of a navigation. If a link or form of a page started it
// (r.from), they include the Referer under strict-origin-when-cross-origin, the browsers'
// default policy. kind is the Content-Type, or "".
func navigation(r request, kind string) http.Header {
	h := Navigation()
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	if r.from == nil {
		return h
	}
	from := *r.from
	from.Fragment, from.User = "", nil
	origin := from.Scheme + "://" + from.Host
	site, referer := "cross-site", origin+"/"
	switch {
	case origin == r.url.Scheme+"://"+r.url.Host:
		site, referer = "same-origin", from.String()
	case from.Hostname() == r.url.Hostname():
		site = "same-site"
	}
	h.Set("Sec-Fetch-Site", site)
	h.Set("Referer", referer)
	if r.method != http.MethodGet {
		h.Set("Origin", origin)
	}
	return h
}

// send sends one request and reads its response to the end.
func (b *Browser) send(ctx context.Context, r request) (*Page, error) {
	ctx, cancel := context.WithTimeout(ctx, b.options.Timeout)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: the request can't be built", ErrUnreachable, place(r.url))
	}
	b.setHeaders(out, r.header)
	client := &http.Client{Transport: b.options.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(out)
	if err != nil {
		return nil, failed(r.url, err)
	}
	defer func() { _ = res.Body.Close() }()
	b.jar.take(r.url, res.Header, time.Now())
	p := &Page{URL: r.url, Status: res.StatusCode, Header: res.Header}
	body, err := decoded(res)
	if err != nil {
		return p, problem(ErrNotHTML, r.url, "it is compressed in a way that can't be undone", "give the address of another page")
	}
	defer func() { _ = body.Close() }()
	p.Body, err = b.read(r.url, body)
	return p, err
}

// decoded decompresses the body. The transport asks for gzip and decompresses that
// itself, but some portals use another coding without being asked.
func decoded(res *http.Response) (io.ReadCloser, error) {
	name, err := contentcoding.Name(res.Header["Content-Encoding"])
	if err != nil {
		return nil, err
	}
	return contentcoding.NewReader(name, res.Body)
}

func (b *Browser) setHeaders(out *http.Request, header http.Header) {
	out.Header.Set("User-Agent", agent)
	out.Header.Set("Accept-Language", "en-US,en;q=0.5")
	for name, values := range header {
		if strings.EqualFold(name, "Host") {
			out.Host = values[0]
			continue
		}
		out.Header[http.CanonicalHeaderKey(name)] = values
	}
	if c := b.jar.header(out.URL, time.Now()); c != "" {
		out.Header.Add("Cookie", c)
	}
}

// read reads the body up to the limit, because a page may have no end.
func (b *Browser) read(at *url.URL, body io.Reader) ([]byte, error) {
	got, err := io.ReadAll(io.LimitReader(body, limit+1))
	if len(got) > limit {
		return nil, problem(ErrTooLarge, at, fmt.Sprintf("it is longer than %d bytes", limit), "give the address of a smaller page, best the sign-in page itself")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, problem(ErrTooLarge, at, "it did not end in "+b.options.Timeout.String(), "give the address of a page that ends, best the sign-in page itself")
	}
	if err != nil {
		return nil, failed(at, err)
	}
	return got, nil
}
