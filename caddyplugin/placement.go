package caddyplugin

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// placement warns of gates that stand where they gate less than they seem to: a matcher
// before the block, and nothing behind it.
func placement(ctx caddy.Context) (warnings []string) {
	srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return nil
	}
	routes := decoded(srv.Routes)
	for _, names := range matchersOfGates(routes) {
		warnings = append(warnings, fmt.Sprintf("two_factor has a matcher of its own (%s): requests that it does not match go on without a gate, signed in or not; "+
			"take it away, or put two_factor and what it gates into one `handle` with that matcher", strings.Join(names, ", ")))
	}
	if endsWithGate(routes) {
		warnings = append(warnings, "nothing stands behind two_factor: every page would be empty; write reverse_proxy or php_fastcgi after it, in the same site or handle")
	}
	return warnings
}

// matchersOfGates are the names of the matchers of each route that has a gate in its own
// list of handlers, but for those by which Caddy tells sites apart.
func matchersOfGates(routes []lineRoute) (all [][]string) {
	for _, r := range routes {
		for _, h := range r.Handle {
			if h["handler"] == "two_factor" {
				if names := matcherNames(r); len(names) > 0 {
					all = append(all, names)
				}
				continue
			}
			all = append(all, matchersOfGates(decoded(h["routes"]))...)
		}
	}
	return all
}

func matcherNames(r lineRoute) []string {
	names := make(map[string]bool)
	for _, set := range r.Match {
		for name := range set {
			names[name] = name != "host"
		}
	}
	maps.DeleteFunc(names, func(_ string, counts bool) bool { return !counts })
	return slices.Sorted(maps.Keys(names))
}

// passing are handlers that answer nothing by themselves.
var passing = []string{"headers", "encode", "vars", "map", "rewrite", "request_body", "tracing"}

// endsWithGate reports whether one of the routes, in the Caddyfile a site, ends with a
// gate and nothing follows it that answers. Sites that were provisioned before are not in the list.
func endsWithGate(routes []lineRoute) bool {
	for i, r := range routes {
		last, names := i == len(routes)-1, handlerNames(r)
		if n := len(names); n > 0 && names[n-1] == "two_factor" && (last || r.Terminal) {
			return true
		}
	}
	return false
}

// handlerNames are the names of a route's handlers in the order in which a request meets
// them, without subroutes and those that are passing.
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
