package routes

import (
	"slices"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// NothingBehind returns the warning for a server with a gate and no handler behind it that
// answers, or "".
func NothingBehind(srv *caddyhttp.Server) string {
	if !endsWithGate(decoded(srv.Routes)) {
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
			if name := text(h["handler"]); !slices.Contains(passing, name) {
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

// answersItself reports whether Caddy itself answers every request that takes these routes,
// with a file or a text, so that no proxy gets the request.
func answersItself(routes []lineRoute) bool {
	return slices.ContainsFunc(routes, func(r lineRoute) bool {
		return len(r.Match) == 0 && slices.ContainsFunc(r.Handle, func(h map[string]any) bool {
			switch h["handler"] {
			case "file_server":
				return h["pass_thru"] != true
			case "static_response", "error":
				return true
			case "subroute":
				return answersItself(decoded(h["routes"]))
			}
			return false
		})
	})
}
