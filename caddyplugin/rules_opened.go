package caddyplugin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// What `trust` and `guest` name is let pass by its address. Where a handler behind the gate
// takes a prefix off, the portal gets another address, which must be named as well. (What
// is `public` goes without credentials, so it opens nothing.)

// opened is the rule for a list that opens something; an error says that nothing in the
// list is left of what a pattern names once a prefix is off.
func (b *builder) opened(name string, rule gateway.Rule, sets []config.MatcherSet) (gateway.Rule, error) {
	if rule == nil || len(b.opens) == 0 {
		return rule, nil
	}
	patterns := pathsIn(sets)
	for _, pattern := range patterns {
		for _, prefix := range b.opens {
			rest, ok := withoutPrefix(pattern, prefix)
			if ok && !slices.Contains(patterns, rest) && !patterns.All([]string{strings.ReplaceAll(rest, "*", "x")}) {
				return nil, fmt.Errorf("%s %s: handle_path or uri strip_prefix behind two_factor takes %s off, so that the portal gets %s, and %s would open whatever that is there: "+
					"keep the prefix (handle in place of handle_path), or name each address that the portal gets as well, such as %s %s %s",
					name, pattern, prefix, rest, name, name, strings.Replace(pattern, "*", "NAME", 1), strings.Replace(rest, "*", "NAME", 1))
			}
		}
	}
	return openedBehind{rule, b.opens}, nil
}

// pathsIn are the patterns of paths in a list.
func pathsIn(sets []config.MatcherSet) (patterns route.Patterns) {
	for _, set := range sets {
		var list []string
		if json.Unmarshal(set["path"], &list) == nil {
			patterns = append(patterns, list...)
		}
	}
	return patterns
}

// openedBehind is a rule with an All that also looks at paths without prefixes.
type openedBehind struct {
	gateway.Rule
	prefixes []string
}

// All reports whether the rule holds with and without prefixes.
func (o openedBehind) All(r *http.Request, readings []string) bool {
	all, ok := withoutPrefixes(readings, o.prefixes)
	return ok && o.Rule.All(r, all)
}

// answersItself reports whether routes surely answer a request that takes them with what
// is Caddy's own: files or a text.
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
