package routes

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/route"
)

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
		w.Prefixes, w.Opened = append(w.Prefixes, prefix), append(w.Opened, prefix)
	}
	w.parameters(h, gates)
	w.moved = w.moved || h["uri"] != nil || h["strip_path_suffix"] != nil || h["uri_substring"] != nil || h["path_regexp"] != nil
	for _, g := range gates {
		if len(g.sees)+len(g.opens) > 0 {
			w.Unseen = append(w.Unseen, w.rewritten(h, gates, g)...)
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
		whole := Mentioned.ReplaceAllStringFunc(query, func(s string) string {
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
	return Mentioned.ReplaceAllStringFunc(text, func(s string) string {
		return "{" + strings.TrimPrefix(short.Replace(s[1:len(s)-1]), "http.request.uri.") + "}"
	})
}

// RewriteWarnings returns the warnings about rewrites behind the gate of a site that has
// directives which compare the path.
func (f *Facts) RewriteWarnings(site config.Site) (warnings []string) {
	var own passedOne
	own.looks(site)
	for _, rewrite := range f.Unseen {
		if len(own.sees) > 0 {
			warnings = append(warnings, unseenWarning(rewrite, own.sees))
		}
	}
	for _, rewrite := range f.Unseen {
		if len(own.opens) > 0 {
			warnings = append(warnings, openedWarning(rewrite, own.opens))
		}
	}
	return warnings
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

// maxReadings is the maximum number of paths that one path may become by removing prefixes.
// Above it, behindPrefixes.Any is true and openedBehind.All is false: both refuse more.
const maxReadings = 100

// WithoutPrefixes returns the readings, and what remains of them after removing prefixes in
// any order. ok is false if there are more than maxReadings.
func WithoutPrefixes(readings, prefixes []string) (all []string, ok bool) {
	all = slices.Clone(readings)
	for i := 0; i < len(all); i++ {
		for _, prefix := range prefixes {
			if rest, ok := WithoutPrefix(all[i], prefix); ok && !slices.Contains(all, rest) {
				all = append(all, rest)
			}
		}
		if len(all) > maxReadings {
			return nil, false
		}
	}
	return all, true
}

// WithoutPrefix returns what Caddy's strip_path_prefix makes of a path. As in Caddy, the
// prefix may end within a segment. ok is false if path does not begin with prefix.
func WithoutPrefix(path, prefix string) (rest string, ok bool) {
	n := len(prefix)
	if n < 2 || len(path) < n || !strings.EqualFold(path[:n], prefix) {
		return "", false
	}
	return "/" + strings.TrimPrefix(path[n:], "/"), true
}
