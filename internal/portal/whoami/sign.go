package whoami

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
)

// sign reports whether a page shows that nobody is signed in. What can't be read
// shows nothing.
type sign func(*page) bool

func compileSign(c config.Sign) (sign, error) {
	given := 0
	for _, is := range [...]bool{c.Redirect != "", len(c.Status) > 0, c.HTML != "", c.JSON != "", c.Regex != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, errors.New("want exactly one of redirect, status, html, json and regex")
	}
	if c.Value != nil && c.JSON == "" {
		return nil, fmt.Errorf("value: %q needs json", *c.Value)
	}
	switch {
	case c.Redirect != "":
		return redirectSign(c.Redirect), nil
	case len(c.Status) > 0:
		return statusSign(c.Status)
	case c.HTML != "":
		sel, err := compileSelector(c.HTML)
		return func(p *page) bool { return p.has(sel) }, err
	case c.JSON != "":
		path, err := compilePath(c.JSON)
		return func(p *page) bool { return p.leads(path, c.Value) }, err
	}
	re, err := compileRegex(c.Regex)
	return func(p *page) bool { text, err := p.text(); return err == nil && re.MatchString(text) }, err
}

// redirects are the statuses by which a browser is sent elsewhere.
var redirects = []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect}

func redirectSign(pattern string) sign {
	return func(p *page) bool {
		location := p.header["Location"]
		return slices.Contains(redirects, p.status) && len(location) == 1 && glob(pattern, location[0])
	}
}

func statusSign(codes []int) (sign, error) {
	for _, code := range codes {
		if code < 200 || code > 499 || slices.Contains(ambiguous, code) {
			return nil, fmt.Errorf("status: %d proves nothing, servers answer it to requests that they could not read; want for example 401, or redirect, html or json", code)
		}
	}
	return func(p *page) bool { return slices.Contains(codes, p.status) }, nil
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
