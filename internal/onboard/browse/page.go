package browse

import (
	"bytes"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
)

// Page is a response, read to its end.
type Page struct {
	URL    *url.URL // where it was found, after redirects
	Status int
	Header http.Header
	Body   []byte // as sent, after decompression
	Hops   []Hop  // every response on the way, this one last

	doc *goquery.Document
}

// HTML says whether the page calls itself a web page, or says nothing and looks like
// one.
func (p *Page) HTML() bool {
	kind := p.Header.Get("Content-Type")
	if kind == "" {
		kind = http.DetectContentType(p.Body)
	}
	media, _, _ := mime.ParseMediaType(kind)
	return media == "text/html" || media == "application/xhtml+xml"
}

// encoding is the page's character set: from its header, its byte order mark or its
// first bytes, as a browser finds it.
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

// Doc is the page as a browser would read it; one that is no HTML gives a document
// without elements of interest, never nil.
func (p *Page) Doc() *goquery.Document {
	if p.doc != nil {
		return p.doc
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(p.Text()))
	if err != nil { // a parser that takes anything fails only with its reader
		doc, _ = goquery.NewDocumentFromReader(bytes.NewReader(nil))
	}
	p.doc = doc
	return doc
}

// Resolve gives the address of a reference on the page, with its <base>.
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

// redirect is where a browser would go on its own, or nil: a redirect's Location, or
// a page that refreshes itself at once.
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

// refresh reads <meta http-equiv="refresh" content="0; url=…">, by which some portals
// leave their sign-in page.
func (p *Page) refresh() *url.URL {
	if !p.HTML() {
		return nil
	}
	content := p.Doc().Find(`meta[http-equiv="refresh" i]`).First().AttrOr("content", "")
	delay, to, found := strings.Cut(content, ";")
	if !found || strings.Trim(delay, " 01.") != "" {
		return nil
	}
	name, target, _ := strings.Cut(to, "=")
	if !strings.EqualFold(strings.TrimSpace(name), "url") {
		return nil
	}
	u, err := p.Resolve(strings.Trim(target, ` '"`))
	if err != nil || u.String() == p.URL.String() {
		return nil
	}
	return u
}
