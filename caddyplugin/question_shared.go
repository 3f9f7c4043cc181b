package caddyplugin

import (
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

// shares reports whether a handler `headers` with this configuration may make responses
// shareable when they are written.
func shares(h map[string]any) bool {
	response, _ := h["response"].(map[string]any)
	if response["deferred"] != true && response["require"] == nil {
		return false
	}
	if onlyWithoutCacheControl(response["require"]) {
		return false
	}
	for _, operation := range []string{"add", "set"} {
		fields, _ := response[operation].(map[string]any)
		for field, values := range fields {
			if sharing(field) && !isPrivate(values) {
				return true
			}
		}
	}
	return replacesPrivate(response["replace"]) || deletesCacheControl(response["delete"])
}

// onlyWithoutCacheControl reports whether the handler changes only responses that have no
// Cache-Control. Those to which the gate adds a cookie have one.
func onlyWithoutCacheControl(require any) bool {
	r, _ := require.(map[string]any)
	fields, _ := r["headers"].(map[string]any)
	values, named := fields["Cache-Control"]
	return named && values == nil
}

// isPrivate reports whether each of the values of Cache-Control forbids shared caches to store
// the response.
func isPrivate(values any) bool {
	list, _ := values.([]any)
	for _, v := range list {
		text, _ := v.(string)
		text = strings.ToLower(text)
		if !strings.Contains(text, "private") && !strings.Contains(text, "no-store") || strings.Contains(text, "public") || strings.Contains(text, "s-maxage") {
			return false
		}
	}
	return len(list) > 0
}

// replacesPrivate reports whether replacements in headers may make a private response shareable.
func replacesPrivate(replace any) bool {
	fields, _ := replace.(map[string]any)
	for field, operations := range fields {
		list, _ := operations.([]any)
		for _, o := range list {
			m, _ := o.(map[string]any)
			search, _ := m["search"].(string)
			pattern, _ := m["search_regexp"].(string)
			with, _ := m["replace"].(string)
			takes := strings.Contains(search+pattern, "private") || strings.Contains(search+pattern, "no-") || strings.ContainsAny(pattern, ".|(")
			if sharing(field) && (takes || strings.Contains(with, "public") || strings.Contains(with, "s-maxage")) {
				return true
			}
		}
	}
	return false
}

// deletesCacheControl reports whether Cache-Control is deleted, by its name or by a pattern
// with a star at the beginning, the end or both.
func deletesCacheControl(deleted any) bool {
	list, _ := deleted.([]any)
	for _, field := range list {
		pattern, _ := field.(string)
		pattern = strings.ToLower(pattern)
		text := strings.Trim(pattern, "*")
		begins, ends := strings.HasSuffix(pattern, "*"), strings.HasPrefix(pattern, "*")
		const name = "cache-control"
		if pattern == name || begins && !ends && strings.HasPrefix(name, text) || ends && !begins && strings.HasSuffix(name, text) || begins && ends && strings.Contains(name, text) {
			return true
		}
	}
	return false
}

// sharesAtServer reports whether a route that is provisioned already, and that applies to all
// requests of the server, makes responses shareable.
func sharesAtServer(srv *caddyhttp.Server) bool {
	for _, r := range srv.Routes {
		if r.Terminal || r.Group != "" || len(r.MatcherSets) > 0 {
			continue
		}
		for _, handler := range r.Handlers {
			if h, ok := handler.(*headers.Handler); ok && shares(asMap(h)) {
				return true
			}
		}
	}
	return false
}

// forSomePaths reports whether the route matches only some paths, as for static files. A
// matcher for the front page does not count, because the gate may add cookies to that page.
func forSomePaths(r lineRoute) bool {
	for _, set := range r.Match {
		narrow := set["path_regexp"] != nil || set["file"] != nil
		paths, _ := set["path"].([]any)
		for _, p := range paths {
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
