package caddyplugin

import (
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"

	"github.com/secondgate/secondgate/internal/portal"
)

// The gate makes every response private to which it adds a cookie (threat K1). A handler
// `header` before it that changes responses when they are written has the last word.

// sharing reports whether shared caches go by a field. Expires is none of these: the gate's
// Cache-Control wins over it (RFC 9111, 5.3).
func sharing(field string) bool {
	field = strings.ToLower(field)
	return field == "cache-control" || field != "expires" && portal.Permits(field)
}

// shares reports whether the configuration of a handler `headers` makes written responses
// shareable.
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

// isPrivate reports whether each of the values keeps shared caches away.
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

// replacesPrivate reports whether replacements may make a response shareable that was not.
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

// deletesCacheControl reports whether the field is deleted, also by a pattern: Caddy knows
// stars at both ends.
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

// sharesAtServer reports whether a route of the server that is provisioned already does so.
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

// forSomePaths reports whether the route takes requests for some paths only. A matcher of
// the front page alone is none: pages get cookies.
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
