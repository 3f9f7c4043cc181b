package routes

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
)

// lineWalk visits the handlers in the configuration of a server in the order in which a
// request reaches them. It sets the fields of [Facts] that are about handlers; unasked is the first
// error that refuse found.
type lineWalk struct {
	*Facts
	named map[string]*caddyhttp.Route
	// made are placeholders that depend on parts of the request that questions don't have.
	made map[string]origin
	// taken is a variable reserved for Caddy or the gate that a handler visited so far sets.
	// stolen is the value of taken when a gate was reached.
	taken string
	// missed is, while routes are visited that no question matches, the matcher that excludes
	// questions.
	missed string
	// moved is true if a handler behind gates changes paths otherwise than by removing a prefix.
	// Then it is not known which matchers a question matches.
	moved bool
	// shares is the number of handlers visited on the way that let caches share responses.
	// shared is true if a gate was reached while shares was above 0.
	shares int
	// intercepts is true if an intercept with a proxy was visited before a gate, around if a
	// gate was reached after that.
	intercepts bool
	// depth counts nested named routes, which may invoke themselves.
	depth int
}

// lineRoute is a [caddyhttp.Route] before it is provisioned.
type lineRoute struct {
	Group    string           `json:"group"`
	Match    []map[string]any `json:"match"`
	Handle   []map[string]any `json:"handle"`
	Terminal bool             `json:"terminal"`
}

// walk visits all routes of a server. u.Unasked is set if handlers behind a gate add a value that
// questions don't have. Caddy drops the configuration of routes that are provisioned already, so
// the walk sees only the current route and later ones.
func (u *Facts) walk(srv *caddyhttp.Server) {
	u.places = make(map[string]place)
	w := &lineWalk{Facts: u, named: srv.NamedRoutes, made: make(map[string]origin)}
	if sharesAtServer(srv) {
		w.shares++
	}
	w.routes(decoded(srv.Routes), nil)
	for _, route := range srv.NamedRoutes {
		w.routes(decoded([]*caddyhttp.Route{route}), nil)
	}
	u.Unseen = slices.Compact(slices.Sorted(slices.Values(u.Unseen)))
}

// decoded converts routes, given in any form that marshals to JSON, into lineRoutes.
func decoded(routes any) []lineRoute { return as[[]lineRoute](routes) }

// as decodes the configuration of a handler, or a part of it. What has another type than in T is
// left out; Caddy refuses to provision such handlers.
func as[T any](config any) (out T) {
	if raw, err := json.Marshal(config); err == nil {
		_ = json.Unmarshal(raw, &out)
	}
	return out
}

// routes visits a list of routes. gates are the gates that a request may have passed before
// it; routes returns those that it may have passed after it. A request takes only one route of
// each group, and none after a terminal route.
func (w *lineWalk) routes(list []lineRoute, gates []passedOne) []passedOne {
	all := gates
	after := make(map[string][]passedOne) // by group
	for _, r := range list {
		before := gates
		for group, passed := range after {
			if group != r.Group || group == "" {
				before = append(before[:len(before):len(before)], passed...)
			}
		}
		for _, set := range r.Match {
			w.matchers(set, before)
		}
		shares, taken, missed, moved, opened := w.shares, w.taken, w.missed, w.moved, len(w.Opened)
		if w.missed == "" && !w.moved {
			w.missed = missedBy(r.Match, before, w.Prefixes)
		}
		passed := w.handlers(r.Handle, before)
		w.missed = missed
		if r.Terminal || r.Group != "" || forSomePaths(r) {
			w.shares = shares
		}
		if r.Terminal || r.Group != "" {
			w.taken, w.moved = taken, moved
		}
		if answersItself([]lineRoute{{Handle: r.Handle}}) {
			w.Opened = w.Opened[:opened] // Caddy answers here itself, so no proxy gets the request
		}
		if more := passed[len(before):]; len(more) > 0 && !r.Terminal {
			after[r.Group] = append(after[r.Group], more...)
			all = append(all[:len(all):len(all)], more...)
		}
	}
	return all
}

func (w *lineWalk) handlers(list []map[string]any, gates []passedOne) []passedOne {
	for _, h := range list {
		switch h["handler"] {
		case "two_factor":
			w.Shared, w.Around = w.Shared || w.shares > 0, w.Around || w.intercepts
			w.Stolen = cmp.Or(w.Stolen, w.taken)
			gates = append(gates[:len(gates):len(gates)], gateOf(h)...)
		case "subroute":
			w.ErrorRoutes = w.ErrorRoutes || hasErrorRoutes(h)
			gates = w.routes(decoded(h["routes"]), gates)
		case "invoke":
			gates = w.invoke(h, gates)
		case "vars":
			w.vars(h, gates)
		case "map":
			w.mapping(h, gates)
		case "rewrite":
			w.rewrite(h, gates)
		case "headers":
			w.check("request_header", inside(h, "request"), gates)
			if handler := as[headers.Handler](h); len(gates) == 0 && shares(&handler) {
				w.shares++
			}
		case "reverse_proxy":
			gates = w.proxy(h, gates)
		case "intercept":
			if raw, err := json.Marshal(h); len(gates) == 0 && (err != nil || strings.Contains(string(raw), `"handler":"reverse_proxy"`)) {
				w.intercepts = true
			}
			gates = w.responses(h, gates)
		}
	}
	return gates
}

// hasErrorRoutes reports whether a subroute has error routes, and a gate.
func hasErrorRoutes(h map[string]any) bool {
	if h["errors"] == nil {
		return false
	}
	raw, err := json.Marshal(h["routes"])
	return err != nil || strings.Contains(string(raw), `"handler":"two_factor"`)
}

func (w *lineWalk) invoke(h map[string]any, gates []passedOne) []passedOne {
	route := w.named[text(h["name"])]
	if route == nil || w.depth > 3 {
		return gates
	}
	w.depth++
	defer func() { w.depth-- }()
	return w.routes(decoded([]*caddyhttp.Route{route}), gates)
}

func (w *lineWalk) proxy(h map[string]any, gates []passedOne) []passedOne {
	w.check("header_up", inside(h, "headers", "request"), gates)
	w.chosen("the upstream of reverse_proxy", h["upstreams"], gates)
	w.chosen("the upstream of reverse_proxy", h["dynamic_upstreams"], gates)
	transport := inside(h, "transport")
	w.refuse("reverse_proxy: transport", w.of(transport, gates), gates)
	if transport["protocol"] == "fastcgi" {
		w.refuse("REMOTE_USER", w.ofName(UserID, gates), gates)
		if text(transport["root"]) == "" {
			w.chosen("the root of php_fastcgi", rootOfSite, gates)
		}
	}
	w.rewrite(inside(h, "rewrite"), gates)
	if o := w.of(h["rewrite"], gates); o.degree >= isChosen {
		w.make("http.reverse_proxy.header", o) // its response headers depend on the rewritten URI, as for forward_auth
	}
	return w.responses(h, gates)
}

// rootOfSite is the default root of FastCGI and file handlers.
const rootOfSite = "{http.vars.root}"

// chosen checks the text of a destination: the address of an upstream, or the root of FastCGI.
// A destination that depends on the path is not refused: upstreamsCheck warns if whoami's path
// leads to another one.
func (w *lineWalk) chosen(what string, value any, gates []passedOne) {
	for _, name := range Placeholders(value) {
		o := w.ofName(name, gates)
		if o.degree = parted(o.degree); !strings.HasPrefix(o.name, "http.request.uri.path") && !strings.HasPrefix(o.name, "http.request.orig_uri.path") {
			w.refuse(what, o, gates)
		}
	}
}

// responses visits the routes in handle_response.
func (w *lineWalk) responses(h map[string]any, gates []passedOne) []passedOne {
	for _, response := range as[[]struct{ Routes []lineRoute }](h["handle_response"]) {
		gates = w.routes(response.Routes, gates)
	}
	return gates
}

// object is a decoded JSON object of Caddy's configuration.
type object = map[string]any

// inside returns the object at a path in a decoded JSON value; nil if there is none.
func inside(v any, path ...string) object {
	o, _ := v.(object)
	for _, name := range path {
		o, _ = o[name].(object)
	}
	return o
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
