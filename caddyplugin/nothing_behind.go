package caddyplugin

import (
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// nothingBehind returns the warning for a gate with no handler behind it that answers, or "".
func nothingBehind(ctx caddy.Context) string {
	srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || !endsWithGate(decoded(srv.Routes)) {
		return ""
	}
	return "no handler behind two_factor answers requests, so every page would be empty; write reverse_proxy or php_fastcgi after it, in the same site or handle"
}

// passing are the handlers that never answer a request themselves.
var passing = []string{"headers", "encode", "vars", "map", "rewrite", "request_body", "tracing"}

// endsWithGate reports whether one of the routes ends with a gate and no handler that answers
// follows. In a Caddyfile each route is a site. Routes that are provisioned already are not in
// the list, so this finds only the site that is being provisioned, or later ones.
func endsWithGate(routes []lineRoute) bool {
	for i, r := range routes {
		last, names := i == len(routes)-1, handlerNames(r)
		if n := len(names); n > 0 && names[n-1] == "two_factor" && (last || r.Terminal) {
			return true
		}
	}
	return false
}

// handlerNames returns the names of a route's handlers in the order in which a request reaches
// them. Handlers of subroutes are included; the subroutes themselves and passing handlers are
// not.
func handlerNames(r lineRoute) (names []string) {
	for _, h := range r.Handle {
		if h["handler"] != "subroute" {
			if name, _ := h["handler"].(string); !slices.Contains(passing, name) {
				names = append(names, name)
			}
			continue
		}
		for _, inner := range decoded(h["routes"]) {
			names = append(names, handlerNames(inner)...)
		}
	}
	return names
}
