package inspect

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"github.com/andybalholm/cascadia"

	"github.com/secondgate/secondgate/config"
)

// candidate is an extractor that may name the user.
type candidate struct {
	place
	extract config.Extractor
	value   string // as the first customer's first session shows it
	traits
	score int
	// normalize is what makes the value the same for every spelling, mostly nothing.
	normalize []string
	not       []string
	signs     []config.Sign
}

// traits are what speaks for a candidate, or against it.
type traits struct {
	key      []string // the words of its name
	path     []string // the words of all keys that lead to it, in JSON
	json     bool
	readonly bool // an input that can't be changed
	hidden   bool
	editable bool // an input that a form would save
	text     bool // an element's text
	class    bool // found by class only
}

// maxCandidates bounds those of one page, maxValue their values in bytes.
const (
	maxCandidates = 400
	maxValue      = 120
)

// finder collects the candidates of one page.
type finder struct {
	at    place
	doc   *goquery.Document
	found []*candidate
	seen  map[string]bool
	// saved are values that a form of the page would save.
	saved []string
}

// candidatesOf are those of a page, and the values that people can change there.
func candidatesOf(v *view) (found []*candidate, saved []string) {
	if v.accept != "" {
		return jsonCandidates(v), nil
	}
	f := &finder{at: v.place, doc: v.page.Doc(), seen: make(map[string]bool)}
	f.doc.Find("input[value]").Each(f.input)
	f.doc.Find("[id],[class]").Each(f.element)
	f.doc.Find("meta[name][content]").Each(func(_ int, s *goquery.Selection) {
		if name := s.AttrOr("name", ""); plainName(name) {
			f.add(fmt.Sprintf("meta[name=%q]", name), "content", traits{key: words(name), readonly: true})
		}
	})
	f.doc.Find("*").Each(f.data)
	f.doc.Find("a[href]").Each(f.link)
	for _, h := range holders(f.doc) {
		f.found = append(f.found, within(v.place, config.Extractor{HTML: h.selector, Attr: h.attr}, []byte(h.text))...)
	}
	return f.found, f.saved
}

// add takes a candidate if it yields exactly one distinct value.
func (f *finder) add(selector, attr string, t traits) {
	key := selector + " " + attr
	if f.seen[key] || len(f.found) >= maxCandidates {
		return
	}
	f.seen[key] = true
	sel, err := cascadia.Compile(selector)
	if err != nil {
		return
	}
	value, distinct := "", 0
	f.doc.FindMatcher(sel).Each(func(_ int, s *goquery.Selection) {
		v := strings.Join(strings.Fields(s.Text()), " ")
		if attr != "" {
			v = s.AttrOr(attr, "")
		}
		if distinct == 0 || v != value {
			distinct++
		}
		value = v
	})
	if distinct == 1 && strings.TrimSpace(value) != "" && len(value) <= maxValue {
		f.found = append(f.found, &candidate{place: f.at, extract: config.Extractor{HTML: selector, Attr: attr}, value: value, traits: t})
	}
}

// silent are inputs whose value says nothing of the user.
var silent = []string{"password", "checkbox", "radio", "submit", "button", "image", "file", "reset"}

func (f *finder) input(_ int, s *goquery.Selection) {
	kind := strings.ToLower(s.AttrOr("type", "text"))
	if slices.Contains(silent, kind) {
		return
	}
	id, name := s.AttrOr("id", ""), s.AttrOr("name", "")
	t := traits{hidden: kind == "hidden"}
	_, readonly := s.Attr("readonly")
	_, disabled := s.Attr("disabled")
	t.readonly = readonly || disabled
	t.editable = !t.readonly && !t.hidden
	if t.editable {
		f.saved = append(f.saved, s.AttrOr("value", ""))
	}
	if plainCSS.MatchString(id) {
		t.key = words(id)
		f.add("#"+id, "value", t)
	}
	if plainName(name) {
		t.key = words(name)
		f.add(fmt.Sprintf("input[name=%q]", name), "value", t)
	}
}

// plainName is a name that can stand in a selector within quotes as it is.
func plainName(name string) bool {
	return name != "" && len(name) < 80 && !strings.ContainsAny(name, "\"\\\n\r{}") && strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// element takes the text of elements that hold nothing but text, and of such without a
// name of their own within a named one.
func (f *finder) element(_ int, s *goquery.Selection) {
	node := goquery.NodeName(s)
	if slices.Contains([]string{"html", "body", "script", "style", "template", "form", "main", "input", "select", "textarea", "button", "option"}, node) {
		return
	}
	for _, name := range own(s) {
		t := traits{key: words(name), text: true, class: name[0] == '.'}
		if s.Children().Length() == 0 {
			f.add(name, "", t)
			continue
		}
		s.Children().Each(func(_ int, c *goquery.Selection) {
			if tag := goquery.NodeName(c); c.Children().Length() == 0 && len(own(c)) == 0 && slices.Contains([]string{"b", "strong", "em", "i", "span", "bdi", "td", "dd", "p", "code", "a"}, tag) {
				f.add(name+" "+tag, "", t)
			}
		})
	}
}

// own are the selectors of an element's id and classes.
func own(s *goquery.Selection) (list []string) {
	if id := s.AttrOr("id", ""); plainCSS.MatchString(id) {
		list = append(list, "#"+id)
	}
	for _, class := range strings.Fields(s.AttrOr("class", "")) {
		if plainCSS.MatchString(class) {
			list = append(list, "."+class)
		}
	}
	return list
}

// numberedLink is a link with a number, as /people/17?tab=settings.
var numberedLink = regexp.MustCompile(`^(/[A-Za-z0-9/_-]*/)([0-9]{1,18})($|[/?#])`)

// link takes the number in a link to the user's own page.
func (f *finder) link(_ int, s *goquery.Selection) {
	m := numberedLink.FindStringSubmatch(s.AttrOr("href", ""))
	for _, name := range own(s) {
		if m == nil || !hasAny(words(name), persons) || f.seen["a"+name+" link"] || f.doc.Find("a"+name).Length() > 1 {
			continue
		}
		f.seen["a"+name+" link"] = true
		x := config.Extractor{HTML: "a" + name, Attr: "href", Regex: "^" + regexp.QuoteMeta(m[1]) + `(\d+)`}
		f.found = append(f.found, &candidate{place: f.at, extract: x, value: m[2], traits: traits{key: append(words(name), "id"), readonly: true}})
	}
}

// data takes attributes as data-user-id, and data-id of what is the user's by name.
func (f *finder) data(_ int, s *goquery.Selection) {
	if id := s.AttrOr("id", ""); s.AttrOr("data-id", "") != "" && plainCSS.MatchString(id) && hasAny(words(id), persons) {
		f.add("#"+id, "data-id", traits{key: append(words(id), "id"), readonly: true})
	}
	for _, a := range s.Nodes[0].Attr {
		if !strings.HasPrefix(a.Key, "data-") || !plainCSS.MatchString(a.Key) {
			continue
		}
		said := words(strings.TrimPrefix(a.Key, "data-"))
		if id, alone := isIdentifier(said); id && !alone || isName(said) {
			f.add("["+a.Key+"]", a.Key, traits{key: said, readonly: true})
		}
	}
}

// pageWords are the words of a page's address.
func (at place) pageWords() []string {
	u, err := url.Parse(at.uri)
	if err != nil {
		return nil
	}
	return words(u.Path + " " + u.RawQuery)
}
