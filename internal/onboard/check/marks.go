package check

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"github.com/tidwall/gjson"
	"golang.org/x/net/html"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// shortest is the minimum length of a mark in bytes.
const shortest = 3

// marks are pieces of text that are on a customer's pages each time they are opened, and on
// no anonymous visitor's page. A page with a mark shows that the customer is signed in.
type marks []string

// newMarks returns the marks of a customer. signedIn are the customer's pages, each opened
// twice: a piece on only one of the two is a time or a token, and no mark. others are pages
// of anonymous visitors. typed is what was sent; it is no mark, because any page may repeat
// it.
func newMarks(signedIn [][2]*browse.Page, others []*browse.Page, typed ...string) (m marks) {
	known := setOf(typed)
	for _, p := range others {
		maps.Copy(known, setOf(pieces(p)))
	}
	for _, pair := range signedIn {
		again := setOf(pieces(pair[1]))
		for _, piece := range pieces(pair[0]) {
			if again[piece] && !known[piece] {
				m, known[piece] = append(m, piece), true
			}
		}
	}
	return m
}

// setOf returns the pieces as a set, so that pages with many thousands of pieces are compared
// in linear time.
func setOf(pieces []string) map[string]bool {
	set := make(map[string]bool, len(pieces))
	for _, p := range pieces {
		set[p] = true
	}
	return set
}

// on returns the first mark that stands on a page, or "".
func (m marks) on(p *browse.Page) string {
	there := setOf(pieces(p))
	if i := slices.IndexFunc(m, func(piece string) bool { return there[piece] }); i >= 0 {
		return m[i]
	}
	return ""
}

// pieces are a page's texts and the values of its visible fields, or the lines of a
// response that is not HTML.
func pieces(p *browse.Page) (all []string) {
	add := func(s string) {
		if s = strings.Join(strings.Fields(s), " "); len(s) >= shortest {
			all = append(all, s)
		}
	}
	if !p.HTML() {
		for line := range strings.Lines(p.Text()) {
			add(line)
		}
		return all
	}
	for _, n := range p.Doc().Nodes {
		for d := range n.Descendants() {
			switch {
			case d.Type == html.TextNode && d.Parent != nil && d.Parent.Data != "script" && d.Parent.Data != "style":
				add(d.Data)
			case d.Type == html.ElementNode && d.Data == "input" && !strings.EqualFold(attribute(d, "type"), "hidden"):
				add(attribute(d, "value"))
			}
		}
	}
	return all
}

func attribute(n *html.Node, name string) string {
	if i := slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name }); i >= 0 {
		return n.Attr[i].Val
	}
	return ""
}

// aboutMark describes a mark that was found on a page, or that none was.
func aboutMark(mark string) string {
	if mark == "" {
		return "it shows nothing of the customer"
	}
	if c := []rune(mark); len(c) > 40 {
		mark = string(c[:40]) + "…"
	}
	return fmt.Sprintf("it shows %q, which only signed-in customers see", mark)
}

// whereNamed looks for the user name in a response to whoami, and returns the extractor for
// it in the syntax of the Caddyfile, such as `json user.name`, or "".
func whereNamed(res whoami.Response, user string) (found string) {
	if strings.Contains(res.Header.Get("Content-Type"), "json") {
		if v := gjson.ParseBytes(res.Body); v.IsObject() && gjson.ValidBytes(res.Body) {
			found = whereInJSON(v, user, "json ")
		}
		return found
	}
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(res.Body))
	if err != nil {
		return ""
	}
	doc.Find("input[id],input[name]").EachWithBreak(func(_ int, s *goquery.Selection) bool {
		if strings.EqualFold(s.AttrOr("value", ""), user) {
			found = fmt.Sprintf("html %q value", selector(s, "input[name=%s]", s.AttrOr("name", "")))
		}
		return found == ""
	})
	if found != "" {
		return found
	}
	doc.Find("[id],[class]").EachWithBreak(func(_ int, s *goquery.Selection) bool {
		class, _, _ := strings.Cut(s.AttrOr("class", ""), " ")
		if s.Children().Length() == 0 && strings.EqualFold(strings.TrimSpace(s.Text()), user) && s.AttrOr("id", "")+class != "" {
			found = fmt.Sprintf("html %q", selector(s, ".%s", class))
		}
		return found == ""
	})
	return found
}

// selector returns a CSS selector for an element: its id, or else the format otherwise with
// name.
func selector(s *goquery.Selection, otherwise, name string) string {
	if id := s.AttrOr("id", ""); id != "" {
		return "#" + id
	}
	return fmt.Sprintf(otherwise, name)
}

// whereInJSON returns the path of the user name below path, or "".
func whereInJSON(v gjson.Result, user, path string) (found string) {
	if v.Type == gjson.String && strings.EqualFold(v.Str, user) {
		return strings.TrimSuffix(path, ".")
	}
	v.ForEach(func(name, member gjson.Result) bool {
		if v.IsObject() {
			found = whereInJSON(member, user, path+strings.ReplaceAll(name.Str, ".", `\.`)+".")
		}
		return found == ""
	})
	return found
}
