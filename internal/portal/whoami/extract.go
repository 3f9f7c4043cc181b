package whoami

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/andybalholm/cascadia"

	"github.com/secondgate/secondgate/config"
)

// extractor yields values from a page.
type extractor struct {
	pull func(*page) ([]string, error)
	not  []string
}

// values are what an extractor yields: the distinct ones, or why there is no telling.
type values struct {
	all []string
	not []string
	err error
}

type count int

const (
	none count = iota
	one
	unclear
)

// one is the only distinct value. An empty one and one that stands for nobody are
// none, but beside another value they make it unclear.
func (v values) one() (string, count) {
	switch {
	case v.err != nil || len(v.all) > 1:
		return "", unclear
	case len(v.all) == 0 || strings.TrimSpace(v.all[0]) == "" || slices.Contains(v.not, v.all[0]):
		return "", none
	}
	return v.all[0], one
}

// String counts, for the log.
func (v values) String() string {
	_, n := v.one()
	switch {
	case v.err != nil:
		return v.err.Error()
	case n == one:
		return "one value of the user"
	case n == none && len(v.all) == 1:
		return "a value that stands for nobody"
	}
	return fmt.Sprintf("%d distinct values of the user", len(v.all))
}

func (x *extractor) find(p *page) values {
	all, err := x.pull(p)
	slices.Sort(all)
	return values{all: slices.Compact(all), not: x.not, err: err}
}

// refuses reports whether a normalised value stands for nobody.
func (x *extractor) refuses(v string) bool { return slices.Contains(x.not, v) }

func compileExtractor(c config.Extractor) (extractor, error) {
	given := 0
	for _, s := range [...]string{c.HTML, c.JSON, c.Regex, c.Header} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return extractor{}, errors.New("want exactly one of html, json, regex and header")
	}
	if c.Attr != "" && c.HTML == "" {
		return extractor{}, fmt.Errorf("attr: %q needs html", c.Attr)
	}
	pull, err := compilePull(c)
	return extractor{pull: pull, not: c.Not}, err
}

func compilePull(c config.Extractor) (func(*page) ([]string, error), error) {
	switch {
	case c.HTML != "":
		sel, err := compileSelector(c.HTML)
		attr := strings.ToLower(c.Attr)
		return func(p *page) ([]string, error) { return p.elements(sel, attr) }, err
	case c.JSON != "":
		path, err := compilePath(c.JSON)
		return func(p *page) ([]string, error) { return p.ids(path) }, err
	case c.Regex != "":
		re, err := compileRegex(c.Regex)
		if err == nil && re.NumSubexp() != 1 {
			err = fmt.Errorf("regex: %q has %d groups; want exactly one (others as (?:…))", c.Regex, re.NumSubexp())
		}
		return func(p *page) ([]string, error) { return p.matches(re) }, err
	}
	key := textproto.CanonicalMIMEHeaderKey(c.Header)
	return func(p *page) ([]string, error) { return slices.Clone(p.header[key]), nil }, nil
}

func compileSelector(s string) (cascadia.SelectorGroup, error) {
	sel, err := cascadia.ParseGroup(s)
	if err != nil {
		return nil, fmt.Errorf("html: %q is no CSS selector: %w", s, err)
	}
	return sel, nil
}

func compileRegex(s string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("regex: %w", err)
	}
	return re, nil
}

// presentable reports whether a value can stand in a record and a log. U+FFFD is
// refused because parsers put it for what they could not read, so that two ids
// would become one.
func presentable(v string) bool {
	bad := func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029' }
	return v != "" && len(v) <= MaxUser && utf8.ValidString(v) && !strings.ContainsFunc(v, bad)
}
