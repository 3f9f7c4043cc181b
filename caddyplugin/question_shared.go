package caddyplugin

import (
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
)

// The gate makes every response private to which it adds a cookie (threat K1). A handler
// `header` before it that changes responses when they are written has the last word.

// sharing are the fields by which shared caches go.
var sharing = map[string]bool{"cache-control": true, "cdn-cache-control": true, "surrogate-control": true, "expires": true}

// shares reports whether the configuration of a handler `headers` makes written responses
// shareable.
func shares(h map[string]any) bool {
	response, _ := h["response"].(map[string]any)
	if response["deferred"] != true && response["require"] == nil {
		return false
	}
	for _, operation := range []string{"add", "set", "replace"} {
		fields, _ := response[operation].(map[string]any)
		for field, values := range fields {
			if sharing[strings.ToLower(field)] && !isPrivate(values) {
				return true
			}
		}
	}
	deleted, _ := response["delete"].([]any)
	for _, field := range deleted {
		pattern, _ := field.(string)
		if strings.EqualFold(pattern, "cache-control") || strings.Contains(pattern, "*") && strings.HasPrefix("cache-control", strings.ToLower(strings.Trim(pattern, "*"))) {
			return true
		}
	}
	return false
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
