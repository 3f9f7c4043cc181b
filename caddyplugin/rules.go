package caddyplugin

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/caddyplugin/routes"
	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal/exempt"
	"github.com/secondgate/secondgate/internal/portal/route"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// builder builds a gate's rules from resolved settings.
type builder struct {
	site config.Site
	// prefixes are the path prefixes that handlers behind the gate remove.
	prefixes []string
	// opens are those prefixes after the removal of which a proxy may get the request.
	opens []string
}

// rules builds the rules for public, deny, guest, trust, sign_in and sign_out.
func (b *builder) rules() (rules gateway.Rules, err error) {
	for _, list := range []struct {
		name string
		to   *gateway.Rule
		sets []config.MatcherSet
	}{
		{"public", &rules.Public, b.site.Public}, {"deny", &rules.Deny, b.site.Deny},
		{"guest", &rules.Guest, b.site.Guest}, {"trust", &rules.Trust, b.site.Trust},
	} {
		if *list.to, err = rule(list.sets); err != nil {
			return rules, fmt.Errorf("%s: %w", list.name, err)
		}
	}
	rules.Deny = b.behind(rules.Deny)
	if rules.Trust, err = b.opened("trust", rules.Trust, b.site.Trust); err != nil {
		return rules, err
	}
	if rules.Guest, err = b.opened("guest", rules.Guest, b.site.Guest); err != nil {
		return rules, err
	}
	var signIn, links []string
	for _, s := range b.site.SignIn {
		signIn = append(signIn, s.Paths...)
		if len(fields(s)) == 0 {
			links = append(links, s.Paths...)
		}
		rules.Fields = append(rules.Fields, fields(s)...)
		if s.Page != "" {
			rules.Forms = append(rules.Forms, s.Page)
		}
	}
	if len(rules.Forms) > 0 {
		rules.SignInPage = rules.Forms[0]
	}
	rules.SignIn, rules.LinkSignIn, rules.SignOut = b.behind(addressRule(signIn)), b.behind(addressRule(links)), b.behind(addressRule(b.site.SignOut))
	return rules, nil
}

// behind returns rule, extended to the paths that remain after handlers behind the gate remove
// prefixes.
func (b *builder) behind(rule gateway.Rule) gateway.Rule {
	if rule == nil || len(b.prefixes) == 0 {
		return rule
	}
	return behindPrefixes{rule, b.prefixes}
}

// behindPrefixes is a rule with an Any that also compares the paths without the prefixes that
// handlers behind the gate remove.
type behindPrefixes struct {
	gateway.Rule
	prefixes []string
}

// Any reports whether the rule holds with or without prefixes.
func (b behindPrefixes) Any(r *http.Request, readings []string) bool {
	all, ok := routes.WithoutPrefixes(readings, b.prefixes)
	return !ok || b.Rule.Any(r, all)
}

func fields(s config.SignIn) (names []string) {
	for _, name := range []string{s.Username, s.Password} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// rule compiles a list of matcher sets; nil for an empty list.
func rule(sets []config.MatcherSet) (gateway.Rule, error) {
	if len(sets) == 0 {
		return nil, nil
	}
	return exempt.Compile(sets, clientIP)
}

// clientIP returns the client's address as Caddy determined it, behind trusted proxies.
func clientIP(r *http.Request) string {
	address, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	return address
}

// bearer builds the rules for sign-ins with a bearer token in their response.
func (b *builder) bearer() (gateway.Bearer, error) {
	out := gateway.Bearer{Header: b.site.TokenHeader()}
	for _, s := range b.site.SignIn {
		if s.Token == nil {
			continue
		}
		token, err := whoami.CompileToken(s.Token.JSON, s.Failed)
		if err != nil {
			return out, fmt.Errorf("sign_in: token: %w", err)
		}
		out.SignIns = append(out.SignIns, gateway.TokenSignIn{Rule: b.behind(addressRule(s.Paths)), Token: token})
	}
	return out, nil
}

// address is a path of sign_in or sign_out, with the query parameters that a request must
// have, such as WHMCS's /index.php?rp=/login.
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
			values = nil // matches more requests, and so checks more of them
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

// All reports whether the request is one of the addresses in every reading of its path and
// query. Sign-outs need this certainty, because the gate checks them less than sign-ins.
func (l addressList) All(r *http.Request, readings []string) bool {
	for i := range l {
		if l[i].patterns.All(readings) && l[i].surelyHasQuery(r) {
			return true
		}
	}
	return false
}

func (a *address) hasQuery(r *http.Request) bool {
	if len(a.query) == 0 {
		return true
	}
	got, err := url.ParseQuery(route.PlainQuery(r.URL.RawQuery))
	if err != nil {
		return true // the portal may read the query otherwise; in doubt it matches
	}
	for name, want := range a.query {
		if !slices.Contains(got[name], want[0]) { // portals differ in which of several values they take
			return false
		}
	}
	return true
}

// surelyHasQuery reports whether the query has each parameter exactly once, with the declared
// value.
func (a *address) surelyHasQuery(r *http.Request) bool {
	if len(a.query) == 0 {
		return true
	}
	got, err := url.ParseQuery(route.PlainQuery(r.URL.RawQuery))
	if err != nil {
		return false
	}
	for name, want := range a.query {
		if len(got[name]) != 1 || got[name][0] != want[0] {
			return false
		}
	}
	return true
}
