package upstreams

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/intercept"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"

	"github.com/secondgate/secondgate/caddyplugin/routes"
	"github.com/secondgate/secondgate/config"
)

// A whoami question is a GET of one path. If routes behind a gate choose the proxy by path or
// method, the question reaches only one of the proxies, and its answer says nothing about
// sign-ins at the others. If these are separate portals, their users get in by password alone.

// certainty tells whether a question takes a route.
type certainty int

const (
	never certainty = iota
	perhaps
	surely
)

// questionWalk visits a server's provisioned routes in the order in which a question of one
// gate takes them.
type questionWalk struct {
	srv  *caddyhttp.Server
	gate routes.Gate
	// settings are the gate's, with preset and defaults.
	settings config.Site
	// any is true if the walk is not for a question but for all requests: every route may be
	// taken.
	any bool
	uri string
	// question is the request of the question; nil once a handler has rewritten its path.
	question *http.Request
	// behind is true after the gate.
	behind bool
	// reached are the destinations that the question may reach.
	reached []destination
	// values are the possible values of placeholders that handlers behind the gate set. byHost
	// are the placeholders that handlers make of the request's host.
	values map[string][]string
	byHost map[string]bool
	// captures are the placeholders of path_regexp matchers behind the gate.
	captures []string
	// under are the hosts of the innermost host matcher within the site, before or behind the
	// gate; hosts are those of the innermost one behind the gate.
	under, hosts []string
	// site are the hosts of the site that is visited, own those of the gate's site.
	site, own []string
	// narrow is true within a route behind the gate that matches the path or the method.
	narrow bool
	// turned is true while routes are visited that get failed responses only.
	turned   bool
	warnings []string
	// level counts nested routes, depth nested named routes.
	level int
	depth int
}

// walkQuestion visits the server's routes as a question with this URI, or, if uri is "", as any
// request.
func walkQuestion(srv *caddyhttp.Server, gate routes.Gate, settings config.Site, uri string) *questionWalk {
	w := &questionWalk{srv: srv, gate: gate, settings: settings, any: uri == "", uri: uri, values: make(map[string][]string), byHost: make(map[string]bool)}
	if u, err := url.ParseRequestURI(uri); err == nil {
		r := &http.Request{Method: http.MethodGet, URL: u, Header: make(http.Header)}
		w.question = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, srv)
	}
	w.routes(srv.Routes, surely)
	return w
}

// routes visits a list of routes that the question reaches with certainty at, and returns with
// which certainty it continues behind the list. Matchers before the gate are ignored, because a
// question starts behind the gate.
func (w *questionWalk) routes(list caddyhttp.RouteList, at certainty) certainty {
	taken := make(map[string]certainty) // by group
	first := make(map[string]map[string][]string)
	for _, r := range list {
		if at == never {
			break
		}
		before, match := w.behind, surely
		if before {
			match = w.anySet(r.MatcherSets)
		}
		if r.Group != "" {
			match = min(match, surely-taken[r.Group])
		}
		here, question := min(at, match), w.question
		if here == never {
			continue
		}
		var after certainty
		values := maps.Clone(w.values)
		if r.Group != "" { // of a group a request takes one route
			if at, ok := first[r.Group]; ok {
				w.values = maps.Clone(at)
			} else {
				first[r.Group] = values
			}
		}
		w.within(r, func() { after = w.handlers(r.Handlers, here) })
		if r.Terminal {
			w.values = values
		} else if match < surely || r.Group != "" {
			w.values = either(values, w.values)
		}
		if !before && (!w.behind || r.Terminal) {
			w.behind, w.question = false, question // other routes may lead to the gate, too
			continue
		}
		if r.Group != "" {
			taken[r.Group] = max(taken[r.Group], here)
		}
		if r.Terminal {
			after = never
		}
		if after < here {
			at = min(at, max(after, surely-here)) // a question that is surely answered does not continue
		}
	}
	return at
}

func (w *questionWalk) handlers(list []caddyhttp.MiddlewareHandler, at certainty) certainty {
	for _, handler := range list {
		switch h := handler.(type) {
		case routes.Gate:
			if h == w.gate {
				w.behind, w.own = true, w.site
			}
		case *caddyhttp.Subroute:
			at = w.routes(h.Routes, at)
		case *caddyhttp.Invoke:
			at = w.named(h.Name, at)
		case *rewrite.Rewrite:
			if w.behind && (h.URI != "" || h.StripPathPrefix+h.StripPathSuffix != "" || len(h.URISubstring)+len(h.PathRegexp) > 0) {
				w.question = nil
			}
		case *reverseproxy.Handler:
			at = w.proxy(h, at)
		case *caddyhttp.StaticResponse:
			if w.behind {
				at = w.static(h, at)
			}
		case *intercept.Intercept:
			if w.behind {
				w.responses(h.HandleResponse, at)
			}
		default:
			w.sets(handler)
		}
	}
	return at
}

// within calls walk with the fields for hosts and paths set by the route's matchers, and
// restores them.
func (w *questionWalk) within(r caddyhttp.Route, walk func()) {
	under, hosts, narrow, site := w.under, w.hosts, w.narrow, w.site
	named := routes.HostsOf(r.MatcherSets)
	for _, set := range r.MatcherSets {
		for _, m := range set {
			switch m := m.(type) {
			case *caddyhttp.MatchExpression:
				if strings.Contains(m.Expr, "host(") || strings.Contains(m.Expr, hostName) {
					named = append(named, m.Expr)
				}
			case *caddyhttp.MatchPath, *caddyhttp.MatchPathRE, *caddyhttp.MatchMethod:
				w.narrow = w.narrow || w.behind
			}
		}
	}
	if w.level == 0 && r.Terminal { // a site of a Caddyfile
		w.site = named
	} else if len(named) > 0 {
		w.under = named
	}
	if w.behind && len(named) > 0 {
		w.hosts = named
	}
	w.level++
	walk()
	w.level--
	w.under, w.hosts, w.narrow, w.site = under, hosts, narrow, site
}

// proxy adds the proxy's destinations to those reached. A proxy with handle_response may pass
// the question to the next handler, as forward_auth does.
func (w *questionWalk) proxy(p *reverseproxy.Handler, at certainty) certainty {
	if !w.behind || at == never {
		return at
	}
	w.reached = append(w.reached, w.destinations(p)...)
	return w.responses(p.HandleResponse, at)
}

func (w *questionWalk) named(name string, at certainty) certainty {
	route, ok := w.srv.NamedRoutes[name]
	if !ok || w.depth > 3 {
		return at
	}
	w.depth++
	defer func() { w.depth-- }()
	return w.routes(caddyhttp.RouteList{*route}, at)
}

// anySet returns with which certainty one of the matcher sets of a route matches the question.
// A route without sets matches everything.
func (w *questionWalk) anySet(sets caddyhttp.MatcherSets) certainty {
	if len(sets) == 0 {
		return surely
	}
	best := never
	for _, set := range sets {
		all := surely
		for _, m := range set {
			all = min(all, w.fits(m))
		}
		best = max(best, all)
	}
	return best
}

// fits returns with which certainty a matcher matches the question. It evaluates only path and
// method; for other matchers, and if w.any is set, the result is perhaps.
func (w *questionWalk) fits(matcher any) certainty {
	if w.any {
		return perhaps
	}
	switch m := matcher.(type) {
	case *caddyhttp.MatchMethod:
		return sure(slices.Contains(*m, http.MethodGet), nil)
	case caddyhttp.MatchMethod:
		return sure(slices.Contains(m, http.MethodGet), nil)
	case *caddyhttp.MatchPath:
		return w.fitsPath(*m)
	case caddyhttp.MatchPath:
		return w.fitsPath(m)
	case *caddyhttp.MatchPathRE:
		w.captures = append(w.captures, "http.regexp."+m.Name)
		if w.question != nil {
			return sure(m.MatchWithError(w.question))
		}
	case *caddyhttp.MatchNot:
		return surely - w.anySet(m.MatcherSets)
	case caddyhttp.MatchNot:
		return surely - w.anySet(m.MatcherSets)
	}
	return perhaps
}

func (w *questionWalk) fitsPath(m caddyhttp.MatchPath) certainty {
	if w.question == nil || slices.ContainsFunc(m, func(p string) bool { return strings.Contains(p, "{") }) {
		return perhaps
	}
	return sure(m.MatchWithError(w.question))
}

func sure(matches bool, err error) certainty {
	switch {
	case err != nil:
		return perhaps
	case matches:
		return surely
	}
	return never
}

// unasked returns those destinations in all that no question reaches.
func unasked(all []destination, questions []*questionWalk) (list []string) {
	for _, d := range all {
		asked := slices.ContainsFunc(questions, func(w *questionWalk) bool {
			return slices.ContainsFunc(w.reached, func(other destination) bool { return other.text == d.text })
		})
		if !asked && !slices.Contains(list, d.text) {
			list = append(list, d.text)
		}
	}
	return list
}

// unaskedWarning returns the warning about a destination that whoami does not reach.
func unaskedWarning(to string, uris []string) string {
	return "whoami " + strings.Join(uris, ", ") + " (a GET) never reaches reverse_proxy to " + to + ", so a sign-in there is not detected: " +
		"if it is a separate portal, give it its own two_factor with another realm, in its handle; if both share their sessions, or it has no sign-in, ignore this"
}
