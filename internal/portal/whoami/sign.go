package whoami

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
)

// sign reports whether a page shows that no user is signed in. It is false for a page that can't
// be read.
type sign func(*page) bool

func compileSign(c config.Sign) (sign, error) {
	switch {
	case c.Redirect != "":
		return redirectSign(c.Redirect), nil
	case c.HTML != "" && c.JSON+c.Regex != "":
		return compileSignInside(c)
	case c.HTML != "":
		sel, err := compileSelector(c.HTML)
		return func(p *page) bool { return p.has(sel) }, err
	case c.JSON != "":
		path, err := compilePath(c.JSON)
		return func(p *page) bool { return p.leads(path, c.Value) }, err
	case c.Regex != "":
		re, err := regexp.Compile(c.Regex)
		if err != nil {
			return nil, fmt.Errorf("regex: %w", err)
		}
		return func(p *page) bool { text, err := p.text(); return err == nil && re.MatchString(text) }, nil
	}
	return func(p *page) bool { return slices.Contains(c.Status, p.status) }, nil
}

// compileSignInside compiles the two steps of a sign html SELECTOR [ATTR] json PATH [VALUE] or
// regex RE.
func compileSignInside(c config.Sign) (sign, error) {
	sel, err := compileSelector(c.HTML)
	if err != nil {
		return nil, err
	}
	attr := strings.ToLower(c.Attr)
	if c.JSON == "" {
		re, err := regexp.Compile(c.Regex)
		return func(p *page) bool {
			return p.contains(sel, attr, func(text string) bool { return re.MatchString(text) })
		}, err
	}
	path, err := compilePath(c.JSON)
	return func(p *page) bool {
		return p.contains(sel, attr, func(text string) bool {
			value, err := parseJSON(text)
			return err == nil && anyIs(value.follow(path, nil), c.Value)
		})
	}, err
}

// redirects are the statuses of redirects that browsers follow.
var redirects = []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect}

func redirectSign(pattern string) sign {
	return func(p *page) bool {
		location := p.header["Location"]
		return slices.Contains(redirects, p.status) && len(location) == 1 && glob(pattern, location[0])
	}
}

// glob matches the whole of s; `*` stands for any bytes, also none.
func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok || len(parts) == 1 {
		return ok && s == ""
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, s, ok = strings.Cut(s, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}
