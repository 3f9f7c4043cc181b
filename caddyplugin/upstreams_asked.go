package caddyplugin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/rewrite"
)

// Whoami is a GET of one path. Where routes behind a gate choose the proxy by path or
// method, it meets one of the proxies, and says nothing about sign-ins at the others: if
// these are portals of their own, their users are let in by password.

// certainty says whether a question takes a route.
type certainty int

const (
	never certainty = iota
	perhaps
	surely
)

// questionWalk goes through a server's routes as a question of one gate does, in the
// order in which a request does.
type questionWalk struct {
	srv  *caddyhttp.Server
	gate *Handler
	// question is nil once a handler has rewritten its path.
	question *http.Request
	// behind says that the gate was passed.
	behind bool
	// reached are the proxies that the question may reach.
	reached []*reverseproxy.Handler
	depth   int
}

// reachedBy are the proxies that a question with this address may reach.
func reachedBy(srv *caddyhttp.Server, gate *Handler, uri string) []*reverseproxy.Handler {
	w := questionWalk{srv: srv, gate: gate}
	if u, err := url.ParseRequestURI(uri); err == nil {
		r := &http.Request{Method: http.MethodGet, URL: u, Header: make(http.Header)}
		w.question = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, srv)
	}
	w.routes(srv.Routes, surely)
	return w.reached
}

// routes walks a list that the question takes with this certainty, and returns with which
// it goes on behind it. Before the gate, matchers say nothing about the question.
func (w *questionWalk) routes(list caddyhttp.RouteList, at certainty) certainty {
	taken := make(map[string]certainty) // by group
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
		after := w.handlers(r.Handlers, here)
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
			at = min(at, max(after, surely-here)) // what was answered surely goes no further
		}
	}
	return at
}

func (w *questionWalk) handlers(list []caddyhttp.MiddlewareHandler, at certainty) certainty {
	for _, handler := range list {
		switch h := handler.(type) {
		case *Handler:
			w.behind = w.behind || h == w.gate
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
		}
	}
	return at
}

// proxy notes a proxy. One with routes for responses may hand the question on, as
// forward_auth does.
func (w *questionWalk) proxy(p *reverseproxy.Handler, at certainty) certainty {
	if !w.behind || at == never {
		return at
	}
	w.reached = append(w.reached, p)
	if len(p.HandleResponse) == 0 {
		return never
	}
	for _, response := range p.HandleResponse {
		w.routes(response.Routes, perhaps)
	}
	return at
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

// anySet says whether one of the sets of a route's matchers fits the question; no set
// fits everything.
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

// fits says whether a matcher fits the question. Only path and method are decided.
func (w *questionWalk) fits(matcher any) certainty {
	switch m := matcher.(type) {
	case *caddyhttp.MatchMethod:
		return sure(slices.Contains(*m, http.MethodGet), nil)
	case caddyhttp.MatchMethod:
		return sure(slices.Contains(m, http.MethodGet), nil)
	case *caddyhttp.MatchPath:
		return w.fitsPath(*m)
	case caddyhttp.MatchPath:
		return w.fitsPath(m)
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

// unasked returns the proxies behind a gate that no question of it reaches, unless one
// with the same upstreams is reached.
func unasked(srv *caddyhttp.Server, gate *Handler, uris []string) (list []*reverseproxy.Handler) {
	var reached []*reverseproxy.Handler
	for _, uri := range uris {
		reached = append(reached, reachedBy(srv, gate, uri)...)
	}
	w := routeWalk{srv: srv, only: gate}
	w.routes(srv.Routes, false)
	for _, p := range w.proxies {
		if !slices.ContainsFunc(reached, func(other *reverseproxy.Handler) bool { return slices.Equal(dialsOf(p), dialsOf(other)) }) {
			list = append(list, p)
		}
	}
	return list
}

// dialsOf are the addresses of a proxy's upstreams.
func dialsOf(p *reverseproxy.Handler) (dials []string) {
	for _, u := range p.Upstreams {
		dials = append(dials, u.Dial)
	}
	slices.Sort(dials)
	return dials
}

// unaskedWarning says what is wrong with a proxy that whoami does not reach.
func unaskedWarning(p *reverseproxy.Handler, uris []string) string {
	to := strings.Join(dialsOf(p), " ")
	if to == "" {
		to = "dynamic upstreams"
	}
	return "whoami " + strings.Join(uris, ", ") + " (a GET) never reaches reverse_proxy to " + to + ", so a sign-in there is not noticed: " +
		"if it is a portal of its own, give it a two_factor of its own with another realm, in its handle; if both share their sessions, or it has none, it is right"
}
