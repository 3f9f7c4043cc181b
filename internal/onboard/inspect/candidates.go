package inspect

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"github.com/andybalholm/cascadia"
	"github.com/tidwall/gjson"

	"github.com/secondgate/secondgate/config"
)

// candidate is an extractor at a place that may read the user's id. rank scores it, and
// prove tests it against the evidence.
type candidate struct {
	place
	extract config.Extractor
	value   string // that it reads in the first customer's first session
	traits
	score     int
	normalize []string      // whoami's normalize steps, if the value depends on the typed spelling; mostly nil
	not       []string      // placeholder that anonymous visitors see in the user's place
	signs     []config.Sign // signs of an anonymous response, set by proveStrangers
}

// traits are the properties on which a candidate's score depends.
type traits struct {
	key      []string // the words of the field's, element's or attribute's name
	path     []string // in JSON: the words of all keys from the root to the value
	json     bool
	readonly bool // an input that can't be changed
	hidden   bool
	editable bool // an input that a form would save
	text     bool // an element's text
	class    bool // the selector is a class, which is less specific than an id
}

const (
	maxCandidates = 400 // of one page
	maxValue      = 120 // bytes
)

// finder collects the candidates of one page.
type finder struct {
	at    place
	doc   *goquery.Document
	found []*candidate
	seen  map[string]bool
	saved []string // values that a form of the page would save
}

// candidatesOf returns a page's candidates, and the values that users can change there.
func candidatesOf(v *view) (found []*candidate, saved []string) {
	if v.accept != "" {
		return within(v.place, config.Extractor{}, v.page.Body), nil
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
		f.found = append(f.found, within(v.place, h.extract, []byte(h.text))...)
	}
	return f.found, f.saved
}

// add adds a candidate if it has exactly one distinct value on the page.
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
	values := slices.Compact(f.doc.FindMatcher(sel).Map(func(_ int, s *goquery.Selection) string {
		if attr != "" {
			return s.AttrOr(attr, "")
		}
		return strings.Join(strings.Fields(s.Text()), " ")
	}))
	if len(values) == 1 && strings.TrimSpace(values[0]) != "" && len(values[0]) <= maxValue {
		f.found = append(f.found, &candidate{place: f.at, extract: config.Extractor{HTML: selector, Attr: attr}, value: values[0], traits: t})
	}
}

// silent lists the types of inputs that never hold a user's name or id.
var silent = []string{"password", "checkbox", "radio", "submit", "button", "image", "file", "reset"}

func (f *finder) input(_ int, s *goquery.Selection) {
	kind := strings.ToLower(s.AttrOr("type", "text"))
	if slices.Contains(silent, kind) {
		return
	}
	id, name := s.AttrOr("id", ""), s.AttrOr("name", "")
	t := traits{hidden: kind == "hidden"}
	t.readonly = s.Is("[readonly],[disabled]")
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

// plainName reports whether a name can be written into the quotes of a selector, and the selector
// into a Caddyfile, without escaping.
func plainName(name string) bool {
	return name != "" && len(name) < 80 && !strings.ContainsAny(name, "\"\\\n\r{}") && strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// element adds the text of an element that has an id or class and no children. If it has
// children, the text of each leaf child without an id or class is added, selected by the
// element's name and the child's tag.
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

// own returns a selector for the element's id and one for each of its classes.
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

// numberedLink matches a path with a number as a segment, such as /people/17?tab=settings,
// and captures what precedes the number, and the number.
var numberedLink = regexp.MustCompile(`^(/[A-Za-z0-9/_-]*/)([0-9]{1,18})($|[/?#])`)

// link adds the number in a link to the user's own page.
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

// data adds attributes such as data-user-id. It adds data-id only if the element's id has a
// word from persons, such as id="user-menu".
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

// Limits of a JSON document.
const (
	maxDepth  = 5
	maxLeaves = 300
)

// leaf is a value in a JSON document.
type leaf struct {
	path  string
	names []string // of the keys on its path
	value string   // in the form that config.Sign's Value is compared with
	named bool     // the value is text or a whole number, so it may be a user's name or id
}

// leaves returns the values of a document in the order of their keys. It reads only the
// first element of an array. The path of such a value stands for the same value in all
// elements.
func leaves(body []byte) (all []leaf) {
	if gjson.ValidBytes(body) {
		walk(gjson.ParseBytes(body), "", nil, &all)
	}
	return all
}

// walk appends the leaves below v. It stops at maxDepth and maxLeaves, and skips keys that
// have a special meaning in a gjson path.
func walk(v gjson.Result, path string, names []string, all *[]leaf) {
	if len(names) > maxDepth || len(*all) > maxLeaves {
		return
	}
	l := leaf{path: path, names: names, value: v.Raw}
	switch {
	case v.IsObject():
		members := v.Map()
		for _, key := range slices.Sorted(maps.Keys(members)) {
			if key == "" || strings.ContainsAny(key, "*?|(#\\{}\"\n\r") {
				continue
			}
			walk(members[key], strings.TrimPrefix(path+"."+strings.ReplaceAll(key, ".", `\.`), "."), append(slices.Clone(names), key), all)
		}
		return
	case v.IsArray():
		if first := v.Get("0"); first.Exists() && path != "" {
			walk(first, path, names, all)
		}
		return
	case v.Type == gjson.String:
		l.value, l.named = v.Str, true
	case v.Type == gjson.Number:
		_, err := strconv.ParseInt(v.Raw, 10, 64)
		l.named = err == nil
	}
	if path != "" {
		*all = append(*all, l)
	}
}

// within returns the candidates in a JSON document. The document is a response (holder is
// empty) or the content of the page's element that holder selects.
func within(at place, holder config.Extractor, body []byte) (found []*candidate) {
	for _, l := range leaves(body) {
		if !l.named || strings.TrimSpace(l.value) == "" || len(l.value) > maxValue {
			continue
		}
		// Only the last two keys are the name, as in user.id. Earlier keys describe the
		// surroundings.
		near := l.names[max(0, len(l.names)-2):]
		x := holder
		x.JSON = l.path
		found = append(found, &candidate{place: at, extract: x, value: l.value, traits: traits{key: words(strings.Join(near, " ")), path: words(strings.Join(l.names, " ")), json: true}})
	}
	return found
}

// holder is an element of a page that holds a JSON document for its scripts.
type holder struct {
	extract config.Extractor
	text    string
}

func holders(doc *goquery.Document) (found []holder) {
	doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
		id := s.AttrOr("id", "")
		if !plainCSS.MatchString(id) {
			return
		}
		if strings.Contains(s.AttrOr("type", ""), "json") && goquery.NodeName(s) == "script" {
			found = append(found, holder{config.Extractor{HTML: "#" + id}, s.Text()})
		}
		for _, a := range s.Nodes[0].Attr {
			if strings.HasPrefix(a.Key, "data-") && strings.HasPrefix(a.Val, "{") && plainCSS.MatchString(a.Key) {
				found = append(found, holder{config.Extractor{HTML: "#" + id, Attr: a.Key}, a.Val})
			}
		}
	})
	return found
}
