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
	if prefix := text(h["strip_path_prefix"]); prefix != "" {
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
func (w *lineWalk) rewritten(h map[string]any, gates []passedOne, g passedOne) (found []string) {
	if uri := text(h["uri"]); uri != "" {
		path, query, _ := strings.Cut(uri, "?")
		whole := mentioned.ReplaceAllStringFunc(query, func(s string) string {
			if s == "{http.request.uri.query}" {
				return ""
			}
			return s
		})
		named := slices.ContainsFunc(g.paths, func(p string) bool { return !strings.Contains(p, "?") && route.Patterns{p}.Any([]string{path}) })
		if named || w.of(path, gates).degree >= isChosen || w.of(whole, gates).degree >= isWhole {
			found = append(found, "rewrite "+shortened(uri))
		}
	}
	if suffix := text(h["strip_path_suffix"]); suffix != "" {
		found = append(found, "uri strip_suffix "+suffix)
	}
	for key, name := range map[string]string{"uri_substring": "uri replace", "path_regexp": "uri path_regexp"} {
		if len(list(h[key])) > 0 {
			found = append(found, name)
		}
	}
	if prefix := text(h["strip_path_prefix"]); strings.Contains(prefix, "{") {
		found = append(found, "uri strip_prefix "+shortened(prefix))
	}
	if g.byQuery && len(inside(h, "query")) > 0 {
		found = append(found, "uri query")
	}
	if method := text(h["method"]); g.byMethod && method != "" {
		found = append(found, "method "+shortened(method))
	}
	return found
}

// shortened replaces the placeholders of a text by the short form of Caddyfiles.
func shortened(text string) string {
	return mentioned.ReplaceAllStringFunc(text, func(s string) string {
		return "{" + strings.TrimPrefix(short.Replace(s[1:len(s)-1]), "http.request.uri.") + "}"
	})
}

// unseenWarning returns the warning about a rewrite behind a gate that has the directives sees.
func unseenWarning(rewrite string, sees []string) string {
	names, look := strings.Join(sees, " and "), "look"
	if len(sees) == 1 {
		look = "looks"
	}
	return fmt.Sprintf("%s %s at a request before %s, which stands behind two_factor and may make an address of it that %s is meant for: "+
		"put it before two_factor (outside of handle and route Caddy does so by itself), or name the addresses that are rewritten there, too", names, look, rewrite, names)
}

// openedWarning returns the warning about a rewrite behind a gate that has the directives opens.
func openedWarning(rewrite string, opens []string) string {
	names := strings.Join(opens, " and ")
	return fmt.Sprintf("%s: requests are let pass by their address before %s, which stands behind two_factor and may make the address of any other page of it: "+
		"put it before two_factor (outside of handle and route Caddy does so by itself), or make sure that it makes nothing else of what %s names", names, rewrite, names)
}
