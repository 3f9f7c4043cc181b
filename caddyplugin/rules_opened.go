package caddyplugin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/caddyplugin/routes"
	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// `trust` and `guest` let requests pass by their path. If a handler behind the gate removes a
// prefix, the portal gets another path, and the list must name that one as well. (`public`
// forwards requests without credentials, so it needs no such check.)

// opened returns rule, the rule of trust or guest, restricted to requests that it also matches
// after prefixes are removed. It returns an error for a pattern that could then never match,
// because the list lacks the path without the prefix.
func (b *builder) opened(name string, rule gateway.Rule, sets []config.MatcherSet) (gateway.Rule, error) {
	if rule == nil || len(b.opens) == 0 {
		return rule, nil
	}
	patterns := pathsIn(sets)
	for _, pattern := range patterns {
		for _, prefix := range b.opens {
			rest, ok := routes.WithoutPrefix(pattern, prefix)
			if ok && !slices.Contains(patterns, rest) && !patterns.All([]string{strings.ReplaceAll(rest, "*", "x")}) {
				return nil, fmt.Errorf("%s %s: handle_path or uri strip_prefix behind two_factor removes %s, so that the portal gets %s, and %s would let requests for that path pass, too: "+
					"keep the prefix (handle in place of handle_path), or name each address that the portal gets as well, such as %s %s %s",
					name, pattern, prefix, rest, name, name, strings.Replace(pattern, "*", "NAME", 1), strings.Replace(rest, "*", "NAME", 1))
			}
		}
	}
	return openedBehind{rule, b.opens}, nil
}

// pathsIn returns the path patterns in a list of matcher sets.
func pathsIn(sets []config.MatcherSet) (patterns route.Patterns) {
	for _, set := range sets {
		var list []string
		if json.Unmarshal(set["path"], &list) == nil {
			patterns = append(patterns, list...)
		}
	}
	return patterns
}

// openedBehind is a rule with an All that also compares the paths without the prefixes that
// handlers behind the gate remove.
type openedBehind struct {
	gateway.Rule
	prefixes []string
}

// All reports whether the rule holds with and without prefixes.
func (o openedBehind) All(r *http.Request, readings []string) bool {
	all, ok := routes.WithoutPrefixes(readings, o.prefixes)
	return ok && o.Rule.All(r, all)
}
