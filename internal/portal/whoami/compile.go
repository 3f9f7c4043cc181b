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

// firstPlaceholder is replaced in header values by the value that the first step yields.
const firstPlaceholder = "{first}"

// unaskable are headers that would replace the request's credentials in a question. The answer
// would then be about another user.
var unaskable = []string{"Authorization", "Cookie", "Proxy-Authorization"}

// normalisers has the functions for the names in config.Whoami.Normalize.
var normalisers = map[string]func(string) string{
	"lower": strings.ToLower,
	"nfkc":  norm.NFKC.String,
	"trim":  strings.TrimSpace,
}

// Compile makes a question from settings that passed config's validation. It also refuses
// headers that carry an identity, and JSON paths with wildcards or queries, which pick one of
// several values.
func Compile(c config.Whoami) (*Question, error) {
	if c.User == nil {
		return nil, errors.New("user is missing, so no user could ever be recognised")
	}
	q := &Question{uri: c.URI, header: c.Header, apart: c.Apart}
	for name := range c.Header {
		if slices.Contains(unaskable, textproto.CanonicalMIMEHeaderKey(name)) {
			return nil, fmt.Errorf("header: %s would replace the credentials of the request, so that whoami answers about another user; want a header that identifies no user, for example X-WP-Nonce", name)
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

// compileExtractor compiles an extractor. It returns nil for a nil extractor.
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
	case c.HTML != "" && c.JSON+c.Regex != "":
		return compileInside(c)
	case c.HTML != "":
		sel, err := compileSelector(c.HTML)
		attr := strings.ToLower(c.Attr)
		return func(p *page) ([]string, error) { return p.elements(sel, attr, shownText) }, err
	case c.JSON != "":
		path, err := compilePath(c.JSON)
		return func(p *page) ([]string, error) { return p.ids(path) }, err
	case c.Regex != "":
		re, err := compileGroup(c.Regex)
		return func(p *page) ([]string, error) { return p.matches(re) }, err
	}
	key := textproto.CanonicalMIMEHeaderKey(c.Header)
	return func(p *page) ([]string, error) { return slices.Clone(p.header[key]), nil }, nil
}

// compileInside compiles the two steps of an extractor html SELECTOR [ATTR] json PATH or regex RE.
func compileInside(c *config.Extractor) (func(*page) ([]string, error), error) {
	sel, err := compileSelector(c.HTML)
	if err != nil {
		return nil, err
	}
	var look func(string) ([]string, error)
	if c.JSON != "" {
		look, err = lookForIDs(c.JSON)
	} else {
		look, err = lookForMatches(c.Regex)
	}
	attr := strings.ToLower(c.Attr)
	return func(p *page) ([]string, error) { return p.inside(sel, attr, look) }, err
}

func lookForIDs(path string) (func(string) ([]string, error), error) {
	keys, err := compilePath(path)
	return func(text string) ([]string, error) {
		value, err := parseJSON(text)
		if err != nil {
			return nil, err
		}
		return idsOf(value.follow(keys, nil))
	}, err
}

func lookForMatches(expression string) (func(string) ([]string, error), error) {
	re, err := compileGroup(expression)
	return func(text string) ([]string, error) { return matchesIn(text, re) }, err
}

func compileGroup(expression string) (*regexp.Regexp, error) {
	re, err := regexp.Compile(expression)
	if err != nil || re.NumSubexp() != 1 {
		return nil, fmt.Errorf("regex %q: want a regular expression with exactly one group", expression)
	}
	return re, nil
}

func compileSelector(s string) (cascadia.SelectorGroup, error) {
	sel, err := cascadia.ParseGroup(s)
	if err != nil {
		return nil, fmt.Errorf("html %q: %w", s, err)
	}
	return sel, nil
}
