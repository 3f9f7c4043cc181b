package caddyplugin

import (
	"fmt"
	"strings"
)

// rewritten returns the rewrites of a handler behind gates whose result can't be foretold:
// `deny` looks at the request before them. Taking a prefix off is known to it, and what
// only puts the path as it is behind a fixed one shows that path to it, too.
func (w *lineWalk) rewritten(h map[string]any, gates []passedOne) (list []string) {
	if uri, _ := h["uri"].(string); uri != "" {
		path, query, _ := strings.Cut(uri, "?")
		whole := mentioned.ReplaceAllStringFunc(query, func(s string) string {
			if s == "{http.request.uri.query}" {
				return ""
			}
			return s
		})
		if w.of(path, gates).degree >= isChosen || w.of(whole, gates).degree >= isWhole {
			list = append(list, "rewrite "+shortened(uri))
		}
	}
	if suffix, _ := h["strip_path_suffix"].(string); suffix != "" {
		list = append(list, "uri strip_suffix "+suffix)
	}
	for key, name := range map[string]string{"uri_substring": "uri replace", "path_regexp": "uri path_regexp"} {
		if replacements, _ := h[key].([]any); len(replacements) > 0 {
			list = append(list, name)
		}
	}
	return list
}

// shortened writes the placeholders of a text as Caddyfiles do.
func shortened(text string) string {
	return mentioned.ReplaceAllStringFunc(text, func(s string) string {
		return "{" + strings.TrimPrefix(short.Replace(s[1:len(s)-1]), "http.request.uri.") + "}"
	})
}

// undeniedWarning says what is wrong with a rewrite behind a gate with `deny`.
func undeniedWarning(rewrite string) string {
	return fmt.Sprintf("deny looks at a request before %s, which stands behind two_factor and may make an address of it that deny shuts: "+
		"put it before two_factor (outside of handle and route Caddy does so by itself), or have deny name the addresses that are rewritten, too", rewrite)
}
