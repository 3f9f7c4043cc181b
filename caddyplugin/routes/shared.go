package routes

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"

	"github.com/secondgate/secondgate/internal/portal"
)

// The gate sets Cache-Control: private on every response to which it adds a cookie (threat K1).
// A handler `header` before the gate that changes responses when they are written runs after
// that and may undo it. Handler.provision refuses such a handler.

// sharing reports whether a response header can allow shared caches to store a response.
// Expires can't: the gate's Cache-Control takes precedence (RFC 9111, 5.3).
func sharing(field string) bool {
	field = strings.ToLower(field)
	return field == "cache-control" || field != "expires" && portal.Permits(field)
}

// shares reports whether a handler `headers` may make responses shareable when they are written.
func shares(h *headers.Handler) bool {
	response := h.Response
	if response == nil || !response.Deferred && response.Require == nil || onlyWithoutCacheControl(response.Require) {
		return false
	}
	for _, fields := range []http.Header{response.Add, response.Set} {
		for field, values := range fields {
			if sharing(field) && !isPrivate(values) {
				return true
			}
		}
	}
	return replacesPrivate(response.Replace) || slices.ContainsFunc(response.Delete, deletesCacheControl)
}

// onlyWithoutCacheControl reports whether the handler changes only responses that have no
// Cache-Control. Those to which the gate adds a cookie have one.
func onlyWithoutCacheControl(require *caddyhttp.ResponseMatcher) bool {
	if require == nil {
		return false
	}
	values, named := require.Headers["Cache-Control"]
	return named && values == nil
}

// isPrivate reports whether each of the values of Cache-Control forbids shared caches to store
// the response.
func isPrivate(values []string) bool {
	for _, text := range values {
		text = strings.ToLower(text)
		if !strings.Contains(text, "private") && !strings.Contains(text, "no-store") || strings.Contains(text, "public") || strings.Contains(text, "s-maxage") {
			return false
		}
	}
	return len(values) > 0
}

// replacesPrivate reports whether replacements in headers may make a private response shareable.
func replacesPrivate(fields map[string][]headers.Replacement) bool {
	for field, replacements := range fields {
		for _, r := range replacements {
			search := r.Search + r.SearchRegexp
			takes := strings.Contains(search, "private") || strings.Contains(search, "no-") || strings.ContainsAny(r.SearchRegexp, ".|(")
			if sharing(field) && (takes || strings.Contains(r.Replace, "public") || strings.Contains(r.Replace, "s-maxage")) {
				return true
			}
		}
	}
	return false
}

// deletesCacheControl reports whether a name, or a pattern with a star at the beginning, the end
// or both, is that of Cache-Control.
func deletesCacheControl(pattern string) bool {
	pattern = strings.ToLower(pattern)
	text := strings.Trim(pattern, "*")
	begins, ends := strings.HasSuffix(pattern, "*"), strings.HasPrefix(pattern, "*")
	const name = "cache-control"
	return pattern == name || begins && !ends && strings.HasPrefix(name, text) || ends && !begins && strings.HasSuffix(name, text) ||
		begins && ends && strings.Contains(name, text)
}

// sharesAtServer reports whether a route that is provisioned already, and that applies to all
// requests of the server, makes responses shareable.
func sharesAtServer(srv *caddyhttp.Server) bool {
	return slices.ContainsFunc(srv.Routes, func(r caddyhttp.Route) bool {
		return !r.Terminal && r.Group == "" && len(r.MatcherSets) == 0 && slices.ContainsFunc(r.Handlers, func(handler caddyhttp.MiddlewareHandler) bool {
			h, ok := handler.(*headers.Handler)
			return ok && shares(h)
		})
	})
}

// forSomePaths reports whether the route matches only some paths, as for static files. A
// matcher for the front page does not count, because the gate may add cookies to that page.
func forSomePaths(r lineRoute) bool {
	for _, set := range r.Match {
		narrow := set["path_regexp"] != nil || set["file"] != nil
		for _, p := range list(set["path"]) {
			if p == "/" || p == "*" || p == "/*" {
				return false
			}
			narrow = true
		}
		if !narrow {
			return false
		}
	}
	return len(r.Match) > 0
}
