package caddyplugin

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// looks fills in, from the gate's settings, which of its directives compare paths, query and
// method.
func (g *passedOne) looks(site config.Site) {
	lists, _ := json.Marshal([][]config.MatcherSet{site.Deny, site.Trust, site.Guest})
	g.byQuery, g.byMethod = strings.Contains(string(lists), `"query":`), strings.Contains(string(lists), `"method":`)
	if len(site.Trust) > 0 {
		g.opens = append(g.opens, "trust")
	}
	if len(site.Guest) > 0 {
		g.opens = append(g.opens, "guest")
	}
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

// rewrite notes how a handler behind gates changes the path, the query and the method.
func (w *lineWalk) rewrite(h map[string]any, gates []passedOne) {
	if len(gates) == 0 {
		return
	}
	if prefix, _ := h["strip_path_prefix"].(string); prefix != "" {
		prefix = "/" + strings.Trim(prefix, "/")
		if plain, err := url.PathUnescape(prefix); err == nil {
			prefix = plain // paths are compared decoded
		}
		w.prefixes, w.opened = append(w.prefixes, prefix), append(w.opened, prefix)
	}
	w.parameters(h, gates)
	w.moved = w.moved || h["uri"] != nil || h["strip_path_suffix"] != nil || h["uri_substring"] != nil || h["path_regexp"] != nil
	for _, g := range gates {
		if len(g.sees)+len(g.opens) > 0 {
			w.unseen = append(w.unseen, w.rewritten(h, gates, g)...)
		}
	}
}

// rewritten returns the rewrites of a handler behind gates to warn about. The gate compares
// the path before such a rewrite, the portal gets the path after it. Listed are rewrites with a
// result that is not known, or that is one of the gate's sign-in and sign-out paths. Not
// listed are removals of a fixed prefix, which the gate takes into account (behindPrefixes),
// and rewrites that only put a fixed path before the whole path.
func (w *lineWalk) rewritten(h map[string]any, gates []passedOne, g passedOne) (list []string) {
	if uri, _ := h["uri"].(string); uri != "" {
		path, query, _ := strings.Cut(uri, "?")
		whole := mentioned.ReplaceAllStringFunc(query, func(s string) string {
			if s == "{http.request.uri.query}" {
				return ""
			}
			return s
		})
		named := slices.ContainsFunc(g.paths, func(p string) bool { return !strings.Contains(p, "?") && route.Patterns{p}.Any([]string{path}) })
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
	if prefix, _ := h["strip_path_prefix"].(string); strings.Contains(prefix, "{") {
		list = append(list, "uri strip_prefix "+shortened(prefix))
	}
	if operations, _ := h["query"].(map[string]any); g.byQuery && len(operations) > 0 {
		list = append(list, "uri query")
	}
	if method, _ := h["method"].(string); g.byMethod && method != "" {
		list = append(list, "method "+shortened(method))
	}
	return list
}

// shortened replaces the placeholders of a text by the short form of Caddyfiles.
func shortened(text string) string {
	return mentioned.ReplaceAllStringFunc(text, func(s string) string {
		return "{" + strings.TrimPrefix(short.Replace(s[1:len(s)-1]), "http.request.uri.") + "}"
	})
}

// unseenWarning returns the warning about a rewrite behind a gate that has the directives sees.
func unseenWarning(rewrite string, sees []string) string {
	names, are := strings.Join(sees, " and "), "are"
	if len(sees) == 1 {
		are = "is"
	}
	return fmt.Sprintf("%s %s compared with the address before %s, which is behind two_factor and may change it to an address that %s should match: "+
		"put it before two_factor (outside of handle and route Caddy does so by itself), or name the addresses before the rewrite, too", names, are, rewrite, names)
}

// openedWarning returns the warning about a rewrite behind a gate that has the directives opens.
func openedWarning(rewrite string, opens []string) string {
	names := strings.Join(opens, " and ")
	return fmt.Sprintf("%s: requests pass because of their address before %s, which is behind two_factor and may change it to that of any other page: "+
		"put it before two_factor (outside of handle and route Caddy does so by itself), or make sure that it changes no address that %s names to that of another page", names, rewrite, names)
}
