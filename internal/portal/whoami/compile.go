package whoami

import (
	"errors"
	"fmt"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"github.com/andybalholm/cascadia"
	"golang.org/x/text/unicode/norm"

	"github.com/secondgate/secondgate/config"
)

// firstPlaceholder stands in header values for what the first step yields.
const firstPlaceholder = "{first}"

// unaskable are headers that would make the portal answer for somebody else than
// the one whose request it is.
var unaskable = []string{"Authorization", "Cookie", "Proxy-Authorization"}

// normalisers are what config.Whoami.Normalize names.
var normalisers = map[string]func(string) string{
	"lower": strings.ToLower,
	"nfkc":  norm.NFKC.String,
	"trim":  strings.TrimSpace,
}

// Compile makes a question ready that has passed config's validation. What it can
// refuse beyond that are headers that identify somebody, and JSON paths with
// wildcards or queries, which pick one value of several.
func Compile(c config.Whoami) (*Question, error) {
	if c.User == nil {
		return nil, errors.New("user: missing, so nobody could ever be recognised")
	}
	q := &Question{uri: c.URI, header: c.Header}
	for name := range c.Header {
		if slices.Contains(unaskable, textproto.CanonicalMIMEHeaderKey(name)) {
			return nil, fmt.Errorf("header: %s would make whoami answer for somebody else; want a header that identifies nobody, for example X-WP-Nonce", name)
		}
	}
	for _, name := range c.Normalize {
		f, ok := normalisers[name]
		if !ok {
			return nil, fmt.Errorf("normalize: %q is unknown; want lower, nfkc or trim", name)
		}
		q.normalize = append(q.normalize, f)
	}
	for _, s := range c.Anonymous {
		compiled, err := compileSign(s)
		if err != nil {
			return nil, fmt.Errorf("anonymous: %w", err)
		}
		q.anonymous = append(q.anonymous, compiled)
	}
	return q, q.compileExtractors(c)
}

func (q *Question) compileExtractors(c config.Whoami) error {
	var errs [4]error
	q.user, errs[0] = compileExtractor("user", c.User)
	q.name, errs[1] = compileExtractor("name", c.Name)
	q.email, errs[2] = compileExtractor("email", c.Email)
	if c.First != nil {
		q.firstURI = c.First.URI
		q.first, errs[3] = compileExtractor("first", &c.First.Extract)
	}
	return errors.Join(errs[:]...)
}

// compileExtractor returns nil for none.
func compileExtractor(where string, c *config.Extractor) (*extractor, error) {
	if c == nil {
		return nil, nil
	}
	pull, err := compilePull(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return &extractor{pull: pull, not: c.Not}, nil
}

func compilePull(c *config.Extractor) (func(*page) ([]string, error), error) {
	switch {
	case c.HTML != "":
		sel, err := compileSelector(c.HTML)
		attr := strings.ToLower(c.Attr)
		return func(p *page) ([]string, error) { return p.elements(sel, attr) }, err
	case c.JSON != "":
		path, err := compilePath(c.JSON)
		return func(p *page) ([]string, error) { return p.ids(path) }, err
	case c.Regex != "":
		re, err := regexp.Compile(c.Regex)
		if err != nil || re.NumSubexp() != 1 {
			return nil, fmt.Errorf("regex %q: want a regular expression with exactly one group", c.Regex)
		}
		return func(p *page) ([]string, error) { return p.matches(re) }, nil
	}
	key := textproto.CanonicalMIMEHeaderKey(c.Header)
	return func(p *page) ([]string, error) { return slices.Clone(p.header[key]), nil }, nil
}

func compileSelector(s string) (cascadia.SelectorGroup, error) {
	sel, err := cascadia.ParseGroup(s)
	if err != nil {
		return nil, fmt.Errorf("html %q: %w", s, err)
	}
	return sel, nil
}
