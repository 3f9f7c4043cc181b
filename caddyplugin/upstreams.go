package caddyplugin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	maphandler "github.com/caddyserver/caddy/v2/modules/caddyhttp/map"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/onboard/check"
)

// upstreamsCheck logs warnings at start about proxies behind a gate: proxies that no question
// reaches, and proxies that send requests of one visitor to several upstreams. A question may
// then reach another upstream than its request, and the two may differ in who is signed in if
// sessions are copied between the upstreams with a delay.
type upstreamsCheck struct {
	gate *Handler
	srv  *caddyhttp.Server
	log  *zap.Logger
}

// checkUpstreams subscribes an upstreamsCheck to Caddy's event "started". The check can't run
// while the gate is provisioned, because the handlers behind it are provisioned later.
func checkUpstreams(ctx caddy.Context, gate *Handler) error {
	srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return nil
	}
	events, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("checking the upstreams: %w", err)
	}
	return events.(*caddyevents.App).On("started", &upstreamsCheck{gate: gate, srv: srv, log: ctx.Logger()})
}

// Handle logs the warnings about this gate's questions. For the first gate of a server it also
// logs the warnings about the proxies behind all gates, and sets the pools of all gates.
func (c *upstreamsCheck) Handle(context.Context, caddy.Event) error {
	for _, warning := range c.questions() {
		c.log.Warn("settings", zap.String("warning", warning), zap.String("source", c.gate.Source))
	}
	w := routeWalk{srv: c.srv}
	w.routes(c.srv.Routes, false)
	if len(w.gates) == 0 || w.gates[0] != c.gate {
		return nil
	}
	for _, p := range w.proxies {
		if warning := spreads(p); warning != "" {
			c.log.Warn("settings", zap.String("warning", warning))
		}
	}
	pools := poolsOf(w.proxies)
	for _, gate := range w.gates {
		gate.pools.Store(&pools)
	}
	return nil
}

// questions returns the warnings about the proxies that the gate's questions reach or miss.
func (c *upstreamsCheck) questions() (warnings []string) {
	uris, whole := c.gate.asks, walkQuestion(c.srv, c.gate, "")
	var walks []*questionWalk
	for _, uri := range uris {
		w := walkQuestion(c.srv, c.gate, uri)
		walks = append(walks, w)
		if len(whole.reached) > 0 { // else there is no portal behind it
			warnings = append(warnings, slices.Compact(w.warnings)...)
		}
	}
	for _, to := range unasked(whole.reached, walks) {
		warnings = append(warnings, unaskedWarning(to, uris))
	}
	if warning := whole.sharedByHost(); warning != "" {
		warnings = append(warnings, warning)
	}
	return warnings
}

// Spreads returns the proxies behind the gates of a server that may send requests of one
// visitor to several upstreams. The command check shows them.
func (a *App) Spreads(server string) (all []check.Spread) {
	app, err := a.ctx.AppIfConfigured("http")
	if err != nil {
		return nil
	}
	srv, ok := app.(*caddyhttp.App).Servers[server]
	if !ok {
		return nil
	}
	w := routeWalk{srv: srv}
	w.routes(srv.Routes, false)
	for _, p := range w.proxies {
		if warning := spreads(p); warning != "" {
			saw, do, _ := strings.Cut(warning, "; use ")
			_, _, known := policy(p.LoadBalancing.SelectionPolicy)
			all = append(all, check.Spread{Saw: saw, Do: "use " + do, Unknown: !known})
		}
	}
	return all
}

// spreads returns a warning if the proxy may send requests of one visitor to several upstreams,
// or "".
func spreads(p *reverseproxy.Handler) string {
	if len(p.Upstreams) < 2 && p.DynamicUpstreams == nil {
		return ""
	}
	name, keeps, known := policy(p.LoadBalancing.SelectionPolicy)
	if keeps && !marksDown(p) {
		return ""
	}
	proxy := fmt.Sprintf("reverse_proxy to %d upstreams", len(p.Upstreams))
	if len(p.Upstreams) > 0 {
		proxy += " (" + p.Upstreams[0].Dial + " …)"
	}
	if p.DynamicUpstreams != nil {
		proxy = "reverse_proxy to dynamic upstreams"
	}
	const remedy = "; use lb_policy client_ip_hash or cookie, or first if the others only stand in, unless all upstreams have the same sessions at every moment"
	switch {
	case keeps:
		return proxy + ": passive health checks (fail_duration, unhealthy_request_count) don't keep a visitor at one upstream: any client's requests may have it marked as down, " +
			"so whoami may be asked at another one than the request went to; use active health checks (health_uri) instead, unless all upstreams have the same sessions at every moment"
	case name == "header":
		return proxy + ": lb_policy header does not keep a visitor at one upstream who leaves the header out, so whoami may be asked at another one than the request goes to" + remedy
	case !known:
		return proxy + ": whether lb_policy " + name + " keeps a visitor at one upstream is unknown; if it does not, whoami is asked at another one than the request goes to" + remedy
	}
	return proxy + ": lb_policy " + name + " does not keep a visitor at one upstream, so whoami may be asked at another one than the request goes to" + remedy
}

// policy returns the name of a selection policy. keeps is true if the policy sends a visitor's
// requests, and the questions about them, to one upstream while that is up. known is false for
// policies that this function does not know.
func policy(s reverseproxy.Selector) (name string, keeps, known bool) {
	if module, ok := s.(caddy.Module); ok {
		name = module.CaddyModule().ID.Name()
	}
	switch name {
	case "cookie", "ip_hash", "client_ip_hash", "first":
		return name, true, true
	case "header": // random for requests without that header; every request has a Host
		hash, ok := s.(*reverseproxy.HeaderHashSelection)
		return name, ok && hash.Field == "Host", true
	case "random", "random_choose", "least_conn", "round_robin", "weighted_round_robin", "uri_hash", "query":
		return name, false, true
	}
	return name, false, false
}

// marksDown reports whether requests of clients can make the proxy mark an upstream as down
// (passive health checks).
func marksDown(p *reverseproxy.Handler) bool {
	if p.HealthChecks == nil || p.HealthChecks.Passive == nil {
		return false
	}
	return p.HealthChecks.Passive.FailDuration > 0 || p.HealthChecks.Passive.UnhealthyRequestCount > 0
}

// routeWalk visits a server's provisioned routes in the order in which a request takes them,
// including subroutes, named routes and handle_response. It collects the gates, and the
// proxies that a request may reach after a gate.
type routeWalk struct {
	srv     *caddyhttp.Server
	gates   []*Handler
	proxies []*reverseproxy.Handler
	// destinations are the placeholders that all handlers `map` provide.
	destinations []string
	depth        int
}

// routes visits a list of routes. gated tells whether a request may have passed a gate before
// the list; the result, whether it may have passed one after it. A request takes only one
// route of each group, and none after a terminal route.
func (w *routeWalk) routes(list caddyhttp.RouteList, gated bool) bool {
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
func (w *routeWalk) handlers(list []caddyhttp.MiddlewareHandler, gated bool) bool {
	for _, handler := range list {
		switch h := handler.(type) {
		case *Handler:
			gated = true
			w.gates = append(w.gates, h)
		case *caddyhttp.Subroute:
			gated = w.routes(h.Routes, gated)
		case *caddyhttp.Invoke:
			gated = w.named(h.Name, gated)
		case *reverseproxy.Handler:
			gated = w.proxy(h, gated)
		case *maphandler.Handler:
			w.destinations = append(w.destinations, h.Destinations...)
		}
	}
	return gated
}

func (w *routeWalk) proxy(p *reverseproxy.Handler, gated bool) bool {
	if gated && !slices.Contains(w.proxies, p) {
		w.proxies = append(w.proxies, p)
	}
	for _, response := range p.HandleResponse {
		gated = w.routes(response.Routes, gated)
	}
	return gated
}

// named visits a named route. The depth is limited, because named routes may invoke themselves.
func (w *routeWalk) named(name string, gated bool) bool {
	route, ok := w.srv.NamedRoutes[name]
	if !ok || w.depth > 3 {
		return gated
	}
	w.depth++
	defer func() { w.depth-- }()
	return w.handlers(route.Handlers, gated)
}
