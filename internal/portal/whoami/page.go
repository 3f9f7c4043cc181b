package whoami

import (
	"errors"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"
	"golang.org/x/text/encoding/htmlindex"
)

// maxBody bounds a body after decompression, in bytes.
const maxBody = 2 << 20

var errTooLarge = errors.New("the page is too large to be read (1 MiB as it is sent, 2 MiB decompressed): want a smaller page for whoami")

var errEncoding = errors.New("the body is neither UTF-8 nor in the charset that it claims")

// page is a response with its body parsed at most once in each way.
type page struct {
	status int
	header http.Header
	body   []byte

	decoded *string
	root    *html.Node
	value   *jsonNode
	err     error
}

// read prepares a response for the rules. It returns an error for a failure of the portal, because
// an error page may look like a stranger's page, for example with a sign-in form in its head.
func read(res Response) (*page, error) {
	if res.Status > 499 {
		return nil, errors.New("the portal failed")
	}
	if res.Truncated || len(res.Body) > maxBody {
		return nil, errTooLarge
	}
	body, err := decompress(res.Body, res.Header.Values("Content-Encoding"))
	if err != nil {
		return nil, err
	}
	return &page{status: res.Status, header: res.Header, body: body}, nil
}

// find evaluates an extractor, which needs a 2xx response.
func (p *page) find(x *extractor) values {
	if p.status < 200 || p.status > 299 {
		return values{}
	}
	all, err := x.pull(p)
	slices.Sort(all)
	return values{all: slices.Compact(all), not: x.not, err: err}
}

// text is the body in UTF-8, without a byte order mark, as a browser decodes it by
// the charset of Content-Type.
func (p *page) text() (string, error) {
	if p.decoded == nil {
		s, err := decodeText(p.body, p.header.Get("Content-Type"))
		if err != nil {
			return "", err
		}
		p.decoded = &s
	}
	return *p.decoded, nil
}

func decodeText(body []byte, contentType string) (string, error) {
	_, parameters, err := mime.ParseMediaType(contentType)
	if label := parameters["charset"]; err == nil && label != "" && !strings.EqualFold(label, "utf-8") {
		e, err := htmlindex.Get(label)
		if err != nil {
			return "", errEncoding
		}
		if body, err = e.NewDecoder().Bytes(body); err != nil {
			return "", errEncoding
		}
	}
	if !utf8.Valid(body) {
		return "", errEncoding
	}
	return strings.TrimPrefix(string(body), "\ufeff"), nil
}

// document is the body as HTML. The parser refuses elements nested deeper than 512.
func (p *page) document() (*html.Node, error) {
	if p.root == nil && p.err == nil {
		text, err := p.text()
		if err != nil {
			return nil, err
		}
		if tangled(text) {
			p.err = errTangled
		} else if p.root, err = html.Parse(strings.NewReader(text)); err != nil {
			p.err = errors.New("the body can't be read as HTML, or is nested too deeply")
		}
	}
	return p.root, p.err
}

// maxOpen bounds the formatting elements that are open at a time, and maxRepeated their sum
// over all other elements: each paragraph after a mis-nested one repeats those that are open,
// but for more than three alike (HTML, 13.2.4.3).
const (
	maxOpen     = 64
	maxRepeated = 300_000
)

var errTangled = errors.New("the page leaves too many formatting elements open, as <b> without </b>")

// formatting are the elements that HTML's parser opens again.
var formatting = map[string]bool{
	"a": true, "b": true, "big": true, "code": true, "em": true, "font": true, "i": true, "nobr": true, "s": true, "small": true,
	"strike": true, "strong": true, "tt": true, "u": true,
}

// maxAlike is how many equal start tags count: the parser opens no more of them again.
const maxAlike = 3

// tangled reports whether more formatting elements than maxOpen are open at a time.
func tangled(text string) bool {
	z := html.NewTokenizer(strings.NewReader(text))
	open, repeated, tags := 0, 0, make(map[string][]string, len(formatting)) // by name
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return false
		}
		if kind != html.StartTagToken && kind != html.EndTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		raw := strings.ToLower(string(z.Raw()))
		name, _ := z.TagName()
		list := tags[string(name)]
		switch {
		case !formatting[string(name)]:
			repeated += open
		case (string(name) == "a" || string(name) == "nobr") && len(list) > 0 && kind != html.EndTagToken: // closes the one before
		case kind == html.EndTagToken && len(list) > 0:
			tags[string(name)] = list[:len(list)-1]
			open--
		case kind != html.EndTagToken && alike(list, raw) < maxAlike:
			tags[string(name)] = append(list, raw)
			open++
		}
		if open > maxOpen || repeated > maxRepeated {
			return true
		}
	}
}

func alike(list []string, raw string) (n int) {
	for _, other := range list {
		if other == raw {
			n++
		}
	}
	return n
}

func (p *page) has(sel cascadia.SelectorGroup) bool {
	root, err := p.document()
	return err == nil && cascadia.Query(root, sel) != nil
}

// elements returns the attribute's values, or the texts, of the elements that the selector matches.
func (p *page) elements(sel cascadia.SelectorGroup, attr string, text func(*html.Node) string) (found []string, err error) {
	root, err := p.document()
	if err != nil {
		return nil, err
	}
	for _, n := range cascadia.QueryAll(root, sel) {
		if attr == "" {
			found = append(found, text(n))
			continue
		}
		for _, a := range n.Attr {
			if a.Key == attr && a.Namespace == "" {
				found = append(found, a.Val)
			}
		}
	}
	return found, nil
}

// shownText returns the displayed text of an element, on one line.
func shownText(n *html.Node) string {
	var b strings.Builder
	appendText(&b, n)
	return strings.Join(strings.Fields(b.String()), " ")
}

// appendText appends the displayed text of an element.
func appendText(b *strings.Builder, n *html.Node) {
	switch {
	case n.Type == html.TextNode:
		b.WriteString(n.Data)
	case n.Type == html.ElementNode && (n.Data == "script" || n.Data == "style" || n.Data == "template"):
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		appendText(b, c)
	}
}

// matches returns the text of the group in every match.
func (p *page) matches(re *regexp.Regexp) (found []string, err error) {
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	return matchesIn(text, re)
}

func matchesIn(text string, re *regexp.Regexp) (found []string, err error) {
	for _, m := range re.FindAllStringSubmatchIndex(text, -1) {
		if m[2] < 0 {
			found = append(found, "") // the group is not part of this match, so the match has no id
			continue
		}
		if swallowed(re, text, m[2], m[3]) {
			return nil, errors.New("a value of the regex in which another match begins")
		}
		found = append(found, text[m[2]:m[3]])
	}
	return found, nil
}

// swallowed reports whether another match begins within the value text[from:to]. In that case,
// an attacker may have planted text before the user's own. The check works only for a regex with
// a fixed prefix.
func swallowed(re *regexp.Regexp, text string, from, to int) bool {
	begins, _ := re.LiteralPrefix()
	if begins == "" || !strings.Contains(text[from:to], begins) {
		return false
	}
	other := re.FindStringIndex(text[from:])
	return other != nil && from+other[0] < to
}

// ids returns the values at a JSON path that can be ids: texts and whole numbers.
func (p *page) ids(path []string) (found []string, err error) {
	nodes, err := p.follow(path)
	if err != nil {
		return nil, err
	}
	return idsOf(nodes)
}

func idsOf(nodes []*jsonNode) (found []string, err error) {
	for _, n := range nodes {
		switch n.kind {
		case jsonText, jsonInteger:
			found = append(found, n.text)
		case jsonNull, jsonFalse, jsonArray: // no user; follow returns empty arrays only
		default:
			return nil, errors.New("a value of the user that is neither text nor a whole number")
		}
	}
	return found, nil
}

// leads reports whether the document has a value at a JSON path, and this value if one is given.
func (p *page) leads(path []string, want *string) bool {
	nodes, err := p.follow(path)
	return err == nil && anyIs(nodes, want)
}

// anyIs reports whether there are nodes, or one with the value if one is given.
func anyIs(nodes []*jsonNode, want *string) bool {
	for _, n := range nodes {
		if want == nil || n.kind != jsonObject && n.text == *want {
			return true
		}
	}
	return false
}

func (p *page) follow(path []string) ([]*jsonNode, error) {
	if p.value == nil {
		text, err := p.text()
		if err != nil {
			return nil, err
		}
		if p.value, err = parseJSON(text); err != nil {
			return nil, err
		}
	}
	return p.value.follow(path, nil), nil
}
