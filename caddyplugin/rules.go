package caddyplugin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// rules makes the site's lists.
func (b *builder) rules() (rules gateway.Rules, err error) {
	for _, list := range []struct {
		name string
		to   *gateway.Rule
		sets []config.MatcherSet
	}{
		{"public", &rules.Public, b.site.Public}, {"deny", &rules.Deny, b.site.Deny},
		{"guest", &rules.Guest, b.site.Guest}, {"trust", &rules.Trust, b.site.Trust},
	} {
		if *list.to, err = b.rule(list.sets); err != nil {
			return rules, fmt.Errorf("%s: %w", list.name, err)
		}
	}
	var signIn []string
	for _, s := range b.site.SignIn {
		signIn = append(signIn, s.Paths...)
		rules.Fields = append(rules.Fields, fields(s)...)
		if s.Page != "" {
			rules.Forms = append(rules.Forms, s.Page)
		}
	}
	if len(rules.Forms) > 0 {
		rules.SignInPage = rules.Forms[0]
	}
	rules.SignIn, rules.SignOut = addressRule(signIn), addressRule(b.site.SignOut)
	return rules, nil
}

func fields(s config.SignIn) (names []string) {
	for _, name := range []string{s.Username, s.Password} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// rule is a list of Caddy matcher sets. Those that are nothing but path patterns are
// matched without Caddy: they are most, and are on the way of every request.
type rule struct {
	patterns route.Patterns
	sets     caddyhttp.MatcherSets
}

func (b *builder) rule(sets []config.MatcherSet) (gateway.Rule, error) {
	if len(sets) == 0 {
		return nil, nil
	}
	var out rule
	for _, set := range sets {
		if patterns, ok := onlyPaths(set); ok {
			out.patterns = append(out.patterns, patterns...)
			continue
		}
		loaded, err := b.load(set)
		if err != nil {
			return nil, err
		}
		out.sets = append(out.sets, loaded)
	}
	return &out, nil
}

// onlyPaths returns the patterns of a set that has only patterns, all of them simple.
func onlyPaths(set config.MatcherSet) (patterns []string, ok bool) {
	raw, ok := set["path"]
	if !ok || len(set) != 1 || json.Unmarshal(raw, &patterns) != nil {
		return nil, false
	}
	for _, p := range patterns {
		if !route.Simple(p) {
			return nil, false
		}
	}
	return patterns, true
}

func (b *builder) load(set config.MatcherSet) (caddyhttp.MatcherSet, error) {
	var out caddyhttp.MatcherSet
	for name, raw := range set {
		mod, err := b.ctx.LoadModuleByID("http.matchers."+name, raw)
		if err != nil {
			return nil, err
		}
		m, ok := mod.(caddyhttp.RequestMatcherWithError)
		if !ok {
			return nil, fmt.Errorf("module %T is no request matcher", mod)
		}
		out = append(out, m)
	}
	return out, nil
}

// Any reports whether the rule holds for some reading. A matcher that fails counts
// as holding: what shuts, shuts in doubt.
func (m *rule) Any(r *http.Request, readings []string) bool {
	if m.patterns.Any(readings) {
		return true
	}
	if len(m.sets) == 0 {
		return false
	}
	for _, p := range readings {
		for _, q := range queries(r) {
			if ok, err := m.sets.AnyMatchWithError(withAddress(r, p, q)); ok || err != nil {
				return true
			}
		}
	}
	return false
}

// All reports whether the rule holds for every reading. A matcher that fails counts
// as not holding: what opens, does not open in doubt.
func (m *rule) All(r *http.Request, readings []string) bool {
	if m.patterns.All(readings) {
		return true
	}
	for i := range readings {
		if m.patterns.Any(readings[i : i+1]) {
			continue
		}
		if len(m.sets) == 0 {
			return false
		}
		for _, q := range queries(r) {
			if ok, err := m.sets.AnyMatchWithError(withAddress(r, readings[i], q)); !ok || err != nil {
				return false
			}
		}
	}
	return len(readings) > 0
}

// queries are the ways in which servers could read the request's query.
func queries(r *http.Request) []string {
	if plain := route.PlainQuery(r.URL.RawQuery); plain != r.URL.RawQuery {
		return []string{r.URL.RawQuery, plain}
	}
	return []string{r.URL.RawQuery}
}

// withAddress is the request as if its path and query were these.
func withAddress(r *http.Request, path, query string) *http.Request {
	if r.URL.Path == path && r.URL.RawQuery == query {
		return r
	}
	u := *r.URL
	if u.Path != path {
		u.Path, u.RawPath = path, ""
	}
	u.RawQuery = query
	q := *r
	q.URL = &u
	return &q
}

// address is a declared path, with the query parameters it must have, as WHMCS's
// /index.php?rp=/login.
type address struct {
	patterns route.Patterns
	query    url.Values
}

type addressList []address

func addressRule(list []string) gateway.Rule {
	if len(list) == 0 {
		return nil
	}
	var out addressList
	for _, s := range list {
		path, query, _ := strings.Cut(s, "?")
		values, err := url.ParseQuery(route.PlainQuery(query))
		if err != nil {
			values = nil // judged more often then, never less
		}
		out = append(out, address{route.Patterns{path}, values})
	}
	return out
}

// Any reports whether the request is one of the addresses.
func (l addressList) Any(r *http.Request, readings []string) bool {
	for i := range l {
		if l[i].patterns.Any(readings) && l[i].hasQuery(r) {
			return true
		}
	}
	return false
}

// All is as careful as Any: to take a request for a sign-in is to judge it.
func (l addressList) All(r *http.Request, readings []string) bool { return l.Any(r, readings) }

func (a *address) hasQuery(r *http.Request) bool {
	if len(a.query) == 0 {
		return true
	}
	got, err := url.ParseQuery(route.PlainQuery(r.URL.RawQuery))
	if err != nil {
		return true // it was made to be read, so this is a doubt
	}
	for name, want := range a.query {
		if !slices.Contains(got[name], want[0]) { // which of several counts differs
			return false
		}
	}
	return true
}
