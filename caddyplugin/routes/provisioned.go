package routes

import (
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	maphandler "github.com/caddyserver/caddy/v2/modules/caddyhttp/map"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/secondgate/secondgate/config"
)

// Walk visits a server's provisioned routes in the order in which a request takes them,
// including subroutes, named routes and handle_response. It collects the gates, and the
// proxies that a request may reach after a gate.
type Walk struct {
	srv     *caddyhttp.Server
	Gates   []Gate
	Proxies []*reverseproxy.Handler
	// Destinations are the placeholders that all handlers `map` provide.
	Destinations []string
	depth        int
}

// Gate is the handler two_factor.
type Gate interface {
	caddyhttp.MiddlewareHandler
	Resolved() (config.Site, error)
}

// Provisioned visits the routes of a server that are provisioned already.
func Provisioned(srv *caddyhttp.Server) *Walk {
	w := &Walk{srv: srv}
	w.routes(srv.Routes, false)
	return w
}

// routes visits a list of routes. gated tells whether a request may have passed a gate before
// the list; the result, whether it may have passed one after it. A request takes only one
// route of each group, and none after a terminal route.
func (w *Walk) routes(list caddyhttp.RouteList, gated bool) bool {
	passed := make(map[string]bool) // by group
	for _, r := range list {
		before := gated
		for group, gate := range passed {
			before = before || gate && (group != r.Group || group == "")
		}
		if after := w.handlers(r.Handlers, before); after && !before && !r.Terminal {
			passed[r.Group] = true
		}
	}
	return gated || len(passed) > 0
}

// handlers does the same for the handlers of one route.
func (w *Walk) handlers(list []caddyhttp.MiddlewareHandler, gated bool) bool {
	for _, handler := range list {
		switch h := handler.(type) {
		case Gate:
			gated = true
			w.Gates = append(w.Gates, h)
		case *caddyhttp.Subroute:
			gated = w.routes(h.Routes, gated)
		case *caddyhttp.Invoke:
			gated = w.named(h.Name, gated)
		case *reverseproxy.Handler:
			gated = w.proxy(h, gated)
		case *maphandler.Handler:
			w.Destinations = append(w.Destinations, h.Destinations...)
		}
	}
	return gated
}

func (w *Walk) proxy(p *reverseproxy.Handler, gated bool) bool {
	if gated && !slices.Contains(w.Proxies, p) {
		w.Proxies = append(w.Proxies, p)
	}
	for _, response := range p.HandleResponse {
		gated = w.routes(response.Routes, gated)
	}
	return gated
}

// named visits a named route. The depth is limited, because named routes may invoke themselves.
func (w *Walk) named(name string, gated bool) bool {
	route, ok := w.srv.NamedRoutes[name]
	if !ok || w.depth > 3 {
		return gated
	}
	w.depth++
	defer func() { w.depth-- }()
	return w.handlers(route.Handlers, gated)
}

// HostsOf returns the hosts that matchers name.
func HostsOf(sets caddyhttp.MatcherSets) (hosts []string) {
	for _, set := range sets {
		for _, m := range set {
			if host, ok := m.(*caddyhttp.MatchHost); ok {
				hosts = append(hosts, *host...)
			}
		}
	}
	return hosts
}
