package caddyplugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// looks notes what the gate looks for in addresses.
func (g *passedOne) looks(site config.Site) {
	if len(site.Deny) > 0 {
		g.sees = append(g.sees, "deny")
	}
	for _, s := range site.SignIn {
		g.paths = append(g.paths, s.Paths...)
	}
	if len(site.SignIn) > 0 {
		g.sees = append(g.sees, "sign_in")
	}
	if len(site.SignOut) > 0 {
		g.paths, g.sees = append(g.paths, site.SignOut...), append(g.sees, "sign_out")
	}
}

// rewrite notes what a handler behind gates does to addresses.
func (w *lineWalk) rewrite(h map[string]any, gates []passedOne) {
	if prefix, _ := h["strip_path_prefix"].(string); prefix != "" && len(gates) > 0 {
		w.prefixes = append(w.prefixes, "/"+strings.Trim(prefix, "/"))
	}
	for _, g := range gates {
		if len(g.sees) > 0 {
			w.unseen = append(w.unseen, w.rewritten(h, gates, g.paths)...)
		}
	}
}

// rewritten returns the rewrites of a handler behind gates whose result can't be foretold,
// or is one of the paths: the gate looks at the request before them. Taking a prefix off is
// known to it, and what only puts the path as it is behind a fixed one shows that path to
// it, too.
func (w *lineWalk) rewritten(h map[string]any, gates []passedOne, paths []string) (list []string) {
	if uri, _ := h["uri"].(string); uri != "" {
		path, query, _ := strings.Cut(uri, "?")
		whole := mentioned.ReplaceAllStringFunc(query, func(s string) string {
			if s == "{http.request.uri.query}" {
				return ""
			}
			return s
		})
		named := slices.ContainsFunc(paths, func(p string) bool { return !strings.Contains(p, "?") && route.Patterns{p}.Any([]string{path}) })
		if named || w.of(path, gates).degree >= isChosen || w.of(whole, gates).degree >= isWhole {
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

// unseenWarning says what is wrong with a rewrite behind a gate with these directives.
func unseenWarning(rewrite string, sees []string) string {
	names, look := strings.Join(sees, " and "), "look"
	if len(sees) == 1 {
		look = "looks"
	}
	return fmt.Sprintf("%s %s at a request before %s, which stands behind two_factor and may make an address of it that %s is meant for: "+
		"put it before two_factor (outside of handle and route Caddy does so by itself), or name the addresses that are rewritten there, too", names, look, rewrite, names)
}
