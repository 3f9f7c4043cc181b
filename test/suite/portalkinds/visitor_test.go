package portalkinds

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// maxCookie is what browsers take of a cookie's name and value together, in bytes.
const maxCookie = 4096

// visitor is a browser without a screen: it follows links, redirects and forms, sends Referer, and
// accepts only the cookies that browsers accept.
type visitor struct {
	*harness.Browser
	t *testing.T
	// at is the current page; seen is everything that ever arrived.
	at   *url.URL
	seen strings.Builder
}

func newVisitor(t *testing.T, b *harness.Browser) *visitor {
	v := &visitor{Browser: b, t: t}
	for name, value := range map[string]string{
		"Sec-Ch-Ua": `"Chromium";v="140"`, "Sec-Ch-Ua-Platform": `"Linux"`, "Sec-Ch-Ua-Mobile": "?0", "Accept-Language": "fi,en;q=0.7",
	} {
		b.Header.Set(name, value)
	}
	inner := b.Client.Transport
	if inner == nil {
		inner = http.DefaultTransport
	}
	b.Client.Transport = strict{inner}
	b.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
	return v
}

// strict drops the cookies that browsers drop, and decompresses bodies as they do.
type strict struct{ http.RoundTripper }

func (s strict) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := s.RoundTripper.RoundTrip(r)
	if err != nil {
		return res, err
	}
	var kept []string
	for _, line := range res.Header["Set-Cookie"] {
		if pair, _, _ := strings.Cut(line, ";"); len(pair) <= maxCookie+1 {
			kept = append(kept, line)
		}
	}
	res.Header["Set-Cookie"] = kept
	res.Body, err = decompressed(res)
	return res, err
}

// open goes to an address, as if it were typed.
func (v *visitor) open(path string) *harness.Page {
	v.t.Helper()
	v.at = nil
	return v.follow(v.send(http.MethodGet, v.address(path), nil))
}

// address resolves a link on the page that is shown. Leaving the site is an error.
func (v *visitor) address(link string) *url.URL {
	v.t.Helper()
	base, err := url.Parse(v.Base + "/")
	if err != nil {
		v.t.Fatal(err)
	}
	from := base
	if v.at != nil {
		from = v.at
	}
	u, err := from.Parse(link)
	if err != nil {
		v.t.Fatal(err)
	}
	if u.Host != base.Host || u.Scheme != base.Scheme {
		v.t.Fatalf("the portal's link %q leads away from %s", link, v.Base)
	}
	return u
}

func (v *visitor) send(method string, u *url.URL, form url.Values) *harness.Page {
	v.t.Helper()
	target := u.RequestURI()
	r := v.Request(method, target, strings.NewReader(form.Encode()))
	if form == nil {
		r.Body, r.ContentLength = http.NoBody, 0
	} else {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", v.Base)
	}
	r.Header.Del("Sec-Fetch-Site")
	r.Header.Set("Sec-Fetch-Site", "none")
	if v.at != nil {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Referer", v.at.String())
	}
	p := v.note(v.Do(r))
	v.at = u
	return p
}

// note remembers all that a response showed.
func (v *visitor) note(p *harness.Page) *harness.Page {
	fmt.Fprintf(&v.seen, "%v %s\n", p.Header, p.Body)
	return p
}

// follow goes where redirects lead, but not to Secondgate's own pages.
func (v *visitor) follow(p *harness.Page) *harness.Page {
	v.t.Helper()
	for range 10 {
		if p.Location == "" || strings.HasPrefix(p.Location, "/two-factor") {
			v.style(p)
			return p
		}
		p = v.send(http.MethodGet, v.address(p.Location), nil)
	}
	v.t.Fatalf("too many redirects, the last to %s", p.Location)
	return nil
}

// style loads the style sheet of a page of the portal's, as browsers do at once.
func (v *visitor) style(p *harness.Page) {
	v.t.Helper()
	_, rest, found := strings.Cut(p.Body, `<link rel="stylesheet" href="`)
	if p.Status != http.StatusOK || !found {
		return
	}
	link, _, _ := strings.Cut(rest, `"`)
	r := v.Request(http.MethodGet, v.address(link).RequestURI(), nil)
	r.Header.Set("Accept", "text/css,*/*;q=0.1")
	r.Header.Set("Sec-Fetch-Mode", "no-cors")
	r.Header.Set("Sec-Fetch-Dest", "style")
	r.Header.Set("Referer", v.at.String())
	if css := v.note(v.Do(r)); css.Status != http.StatusOK || css.Header.Get("Content-Type") != "text/css" {
		v.t.Errorf("the style sheet %s: %d %v", link, css.Status, css.Header)
	}
}

// submit fills in a form of a page and sends it with its hidden fields.
func (v *visitor) submit(p *harness.Page, selector string, fields map[string]string) *harness.Page {
	v.t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(p.Body))
	if err != nil {
		v.t.Fatal(err)
	}
	form := doc.Find(selector)
	if form.Length() != 1 {
		v.t.Fatalf("%d forms %s on %s: %d\n%.800s", form.Length(), selector, v.at, p.Status, p.Body)
	}
	values := url.Values{}
	form.Find("input[type=hidden]").Each(func(_ int, in *goquery.Selection) {
		values.Set(in.AttrOr("name", ""), in.AttrOr("value", ""))
	})
	for name, value := range fields {
		values.Set(name, value)
	}
	return v.follow(v.send(http.MethodPost, v.address(form.AttrOr("action", "")), values))
}

// saw reports whether anything that arrived since the mark held the text.
func (v *visitor) saw(text string, since int) bool {
	return strings.Contains(v.seen.String()[since:], text)
}

// mark is the present, for saw.
func (v *visitor) mark() int { return v.seen.Len() }
