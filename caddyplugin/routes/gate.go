package routes

import (
	"encoding/json"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal"
)

// passedOne is a gate that a request has passed, with the settings of it that matter for
// handlers behind it.
type passedOne struct {
	queries []string
	headers *portal.Headers
	leave   *portal.CookiePolicy
	// sees are the directives of the gate that compare paths: deny, sign_in and sign_out.
	// paths are the paths of its sign-ins and sign-outs.
	sees  []string
	paths []string
	// opens are the directives of the gate that let requests pass: trust and guest.
	opens []string
	// byQuery and byMethod are true if deny, trust or guest compare the query or the method.
	byQuery, byMethod bool
	// asks are the URIs of the whoami questions.
	asks []string
}

// looks fills in, from the gate's settings, which of its directives compare paths, query and
// method.
func (g *passedOne) looks(site config.Site) {
	lists, _ := json.Marshal([][]config.MatcherSet{site.Deny, site.Trust, site.Guest})
	g.byQuery, g.byMethod = strings.Contains(string(lists), `"query":`), strings.Contains(string(lists), `"method":`)
	if len(site.Trust) > 0 {
		g.opens = append(g.opens, "trust")
	}
	if len(site.Guest) > 0 {
		g.opens = append(g.opens, "guest")
	}
	if len(site.Deny) > 0 {
		g.sees = append(g.sees, "deny")
	}
	for _, s := range site.SignIn {
		g.paths = append(g.paths, s.Paths...)
	}
	if len(site.SignIn) > 0 {
		g.sees = append(g.sees, "sign_in")
	}
	if len(site.SignOut) > 0 {
		g.paths, g.sees = append(g.paths, site.SignOut...), append(g.sees, "sign_out")
	}
}

// gateOf reads a gate's configuration. It returns nothing for a gate with `user`, which asks no
// questions.
func gateOf(h map[string]any) []passedOne {
	site, err := as[config.Site](h).Resolved()
	if err != nil || site.User != "" {
		return nil
	}
	headers, queries := site.Credentials()
	g := passedOne{queries: queries, headers: portal.NewHeaders(headers), leave: portal.NewCookiePolicy(site.Leave)}
	g.looks(site)
	for _, q := range site.Whoami {
		g.asks = append(g.asks, q.URI)
	}
	return []passedOne{g}
}
