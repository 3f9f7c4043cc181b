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

	"github.com/secondgate/secondgate/internal/contentcoding"
)

// Hop is one response on the way to a page.
type Hop struct {
	Method   string
	URL      *url.URL
	Status   int
	Header   http.Header
	Location string         // as the portal wrote it
	Cookies  []*http.Cookie // that this response set
}

// Navigation is what a current browser sends with the address of a page that is typed
// in: for Once, where a page is to be asked without following its redirects.
func Navigation() http.Header {
	h := http.Header{}
	h.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	h.Set("Upgrade-Insecure-Requests", "1")
	h.Set("Sec-Fetch-Dest", "document")
	h.Set("Sec-Fetch-Mode", "navigate")
	h.Set("Sec-Fetch-User", "?1")
	h.Set("Sec-Fetch-Site", "none")
	return h
}

// Get opens a page as if its address were typed in, following redirects.
func (b *Browser) Get(ctx context.Context, address string) (*Page, error) {
	u, err := parse(address)
	if err != nil {
		return nil, err
	}
	return b.navigate(ctx, request{method: http.MethodGet, url: u})
}

// Follow opens what a link on a page leads to.
func (b *Browser) Follow(ctx context.Context, from *Page, href string) (*Page, error) {
	u, err := from.Resolve(href)
	if err != nil {
		return nil, err
	}
	return b.navigate(ctx, request{method: http.MethodGet, url: u, from: from.URL})
}

// Once sends one request, with the browser's cookies and otherwise just the headers
// given (besides User-Agent and Accept-Language), and follows nothing. Its response's
// cookies are kept.
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

// request is one that a page, or a person, sends off.
type request struct {
	method string
	url    *url.URL
	from   *url.URL // the page it came from, or nil
	header http.Header
	body   []byte
}

// navigate sends a request as a browser's window does, and follows its redirects. 307
// and 308 keep method and body; others become GET (Fetch standard, HTTP-redirect).
func (b *Browser) navigate(ctx context.Context, r request) (*Page, error) {
	var hops []Hop
	kind := r.header.Get("Content-Type")
	for range redirects + 1 {
		r.header = window(r, kind)
		p, err := b.send(ctx, r)
		if err != nil {
			return nil, err
		}
		hops = append(hops, p.Hops...)
		p.Hops = hops
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

// window is what a browser's window sends of its own accord.
func window(r request, kind string) http.Header {
	h := Navigation()
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	if r.from == nil {
		return h
	}
	h.Set("Sec-Fetch-Site", site(r.from, r.url))
	h.Set("Referer", referer(r.from, r.url))
	if r.method != http.MethodGet {
		h.Set("Origin", origin(r.from))
	}
	return h
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// referer follows strict-origin-when-cross-origin, the browsers' default.
func referer(from, to *url.URL) string {
	if origin(from) != origin(to) {
		return origin(from) + "/"
	}
	bare := *from
	bare.Fragment, bare.User = "", nil
	return bare.String()
}

func site(from, to *url.URL) string {
	if origin(from) == origin(to) {
		return "same-origin"
	}
	if from.Hostname() == to.Hostname() {
		return "same-site"
	}
	return "cross-site"
}

// send is one request and its response, read to its end.
func (b *Browser) send(ctx context.Context, r request) (*Page, error) {
	ctx, cancel := context.WithTimeout(ctx, b.options.Timeout)
	defer cancel()
	out, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: the request can't be built", ErrUnreachable, place(r.url))
	}
	b.dress(out, r.header)
	res, err := b.client().Do(out)
	if err != nil {
		return nil, failed(r.url, err)
	}
	defer func() { _ = res.Body.Close() }()
	b.jar.take(r.url, res.Cookies(), b.now())
	p := &Page{URL: r.url, Status: res.StatusCode, Header: res.Header}
	p.Hops = []Hop{{Method: r.method, URL: r.url, Status: res.StatusCode, Header: res.Header, Location: res.Header.Get("Location"), Cookies: res.Cookies()}}
	body, err := decoded(res)
	if err != nil {
		return p, problem(ErrNotHTML, r.url, "it is compressed in a way that can't be undone", "give the address of another page")
	}
	defer func() { _ = body.Close() }()
	p.Body, err = b.read(r.url, body)
	return p, err
}

// decoded undoes the compression: the transport asks for gzip and undoes that itself,
// but some portals compress in their own way whatever was asked.
func decoded(res *http.Response) (io.ReadCloser, error) {
	name, err := contentcoding.Name(res.Header["Content-Encoding"])
	if err != nil {
		return nil, err
	}
	return contentcoding.NewReader(name, res.Body)
}

func (b *Browser) dress(out *http.Request, header http.Header) {
	out.Header.Set("User-Agent", b.options.UserAgent)
	out.Header.Set("Accept-Language", "en-US,en;q=0.5")
	for name, values := range header {
		if strings.EqualFold(name, "Host") {
			out.Host = values[0]
			continue
		}
		out.Header[http.CanonicalHeaderKey(name)] = values
	}
	if c := b.jar.header(out.URL, b.now()); c != "" {
		out.Header.Add("Cookie", c)
	}
}

func (b *Browser) client() *http.Client {
	return &http.Client{
		Transport:     b.options.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// read takes the body up to the limit: endless pages exist.
func (b *Browser) read(at *url.URL, body io.Reader) ([]byte, error) {
	got, err := io.ReadAll(io.LimitReader(body, b.options.Limit+1))
	if int64(len(got)) > b.options.Limit {
		return nil, problem(ErrTooLarge, at, fmt.Sprintf("it is longer than %d bytes", b.options.Limit), "give the address of a smaller page, best the sign-in page itself")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, problem(ErrTooLarge, at, "it did not end in "+b.options.Timeout.String(), "give the address of a page that ends, best the sign-in page itself")
	}
	if err != nil {
		return nil, failed(at, err)
	}
	return got, nil
}
