package browse

import (
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
)

// Page is a response with its whole body.
type Page struct {
	URL    *url.URL // after redirects
	Status int
	Header http.Header
	Body   []byte // after decompression

	doc *goquery.Document
}

// HTML reports whether the page is HTML, by its Content-Type or, without one, by its body.
func (p *Page) HTML() bool {
	kind := p.Header.Get("Content-Type")
	if kind == "" {
		kind = http.DetectContentType(p.Body)
	}
	media, _, _ := mime.ParseMediaType(kind)
	return media == "text/html" || media == "application/xhtml+xml"
}

// encoding is the page's character set, from its header, its byte order mark or its first
// bytes.
func (p *Page) encoding() encoding.Encoding {
	e, _, _ := charset.DetermineEncoding(p.Body, p.Header.Get("Content-Type"))
	return e
}

// Text is the body in UTF-8.
func (p *Page) Text() string {
	got, err := p.encoding().NewDecoder().Bytes(p.Body)
	if err != nil {
		return string(p.Body)
	}
	return string(got)
}

// Doc returns the parsed page. It parses once, and never returns nil.
func (p *Page) Doc() *goquery.Document {
	if p.doc == nil {
		// The parser accepts any text, and a strings.Reader does not fail.
		p.doc, _ = goquery.NewDocumentFromReader(strings.NewReader(p.Text()))
	}
	return p.doc
}

// Link is a link on a page.
type Link struct {
	URL               *url.URL
	Href, Text, Title string // as written on the page
}

// Links returns the page's links to web addresses, in its order.
func (p *Page) Links() (all []Link) {
	p.Doc().Find("a[href]").Each(func(_ int, a *goquery.Selection) {
		href := a.AttrOr("href", "")
		if u, err := p.Resolve(href); err == nil {
			all = append(all, Link{URL: u, Href: href, Text: a.Text(), Title: a.AttrOr("title", "")})
		}
	})
	return all
}

// Scripts returns the texts of the pages' scripts: the inline ones, and the files on each
// page's own host. It calls fetch once for each file, and for at most `most` files.
func Scripts(pages []*Page, most int, fetch func(*url.URL) (text string, ok bool)) (texts []string) {
	seen := make(map[string]bool)
	for _, p := range pages {
		p.Doc().Find("script").Each(func(_ int, s *goquery.Selection) {
			src, file := s.Attr("src")
			if !file {
				texts = append(texts, s.Text())
				return
			}
			u, err := p.Resolve(src)
			if err != nil || src == "" || u.Host != p.URL.Host || seen[u.RequestURI()] || len(seen) >= most {
				return
			}
			seen[u.RequestURI()] = true
			if text, ok := fetch(u); ok {
				texts = append(texts, text)
			}
		})
	}
	return texts
}

// Resolve returns the absolute address of a link on the page. It honours the page's <base>.
func (p *Page) Resolve(href string) (*url.URL, error) {
	at := p.URL
	if base, ok := p.Doc().Find("base[href]").First().Attr("href"); ok {
		if u, err := at.Parse(strings.TrimSpace(base)); err == nil {
			at = u
		}
	}
	u, err := at.Parse(strings.TrimSpace(href))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, problem(ErrUnreachable, p.URL, "a link on it is no web address", "give the address of the sign-in page itself")
	}
	return u, nil
}

// redirect returns the address to which a browser goes without the user: a redirect's
// Location, or the target of a meta refresh (see refresh). It returns nil if the
// browser stays.
func (p *Page) redirect() *url.URL {
	switch p.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		to := p.Header.Get("Location")
		u, err := p.URL.Parse(to)
		if to == "" || err != nil || u.Host == "" {
			return nil
		}
		return u
	}
	return p.refresh()
}

// atOnce is the longest delay, in seconds, of a meta refresh that counts as a redirect. A longer
// one shows the page to people.
const atOnce = 1

// refresh returns the target of <meta http-equiv="refresh" content="0; url=…">, which some
// portals send after a sign-in, or nil.
func (p *Page) refresh() *url.URL {
	if !p.HTML() {
		return nil
	}
	content := p.Doc().Find(`meta[http-equiv="refresh" i]`).First().AttrOr("content", "")
	delay, to, _ := strings.Cut(content, ";")
	seconds, err := strconv.ParseFloat(strings.TrimSpace(delay), 64)
	name, target, _ := strings.Cut(to, "=")
	if err != nil || seconds > atOnce || !strings.EqualFold(strings.TrimSpace(name), "url") {
		return nil
	}
	u, err := p.Resolve(strings.Trim(target, ` '"`))
	if err != nil || u.String() == p.URL.String() {
		return nil
	}
	return u
}
