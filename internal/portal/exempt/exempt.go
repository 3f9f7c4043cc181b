// Package exempt decides whether a request matches one of the lists `trust`, `public`, `guest`
// and `deny`.
//
// Servers, frameworks and proxies read one request in several ways: its path, repeated
// parameters, the names of parameters and headers. A rule that permits holds only if it holds
// under every reading ([Rule.All]). A rule that refuses holds if it holds under some reading
// ([Rule.Any]). Matchers for which this can't be decided are refused by [Compile], and with them
// the configuration.
//
// Package config calls Check for every list, from a Caddyfile or from JSON; caddyplugin compiles
// the lists and passes them to the gateway.
package exempt

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Rule is a list of matcher sets; it holds if one of them does.
type Rule []set

// set is a matcher set; it holds if all its conditions do.
type set []condition

// condition is one matcher of Caddy's.
type condition interface {
	// holds decides for the path that readings has at index i. With sure, the condition
	// must hold under every reading of the rest of the request; without, under some.
	holds(r *http.Request, readings []string, i int, sure bool) bool
}

// ClientIP returns the address that the matcher client_ip compares.
type ClientIP func(*http.Request) string

// matcher compiles one kind of Caddy's matchers.
type matcher struct {
	name    string
	compile func(json.RawMessage, ClientIP) (condition, error)
}

// decidable are all matchers that a rule may have, the cheapest first. It is the only
// list of them.
func decidable() []matcher {
	return []matcher{
		{"path", compilePath},
		{"method", compileMethod},
		{"protocol", compileProtocol},
		{"host", compileHost},
		{"remote_ip", compileRemoteIP},
		{"client_ip", compileClientIP},
		{"path_regexp", compilePathRegexp},
		{"header", compileHeader},
		{"query", compileQuery},
		{"not", compileNot},
	}
}

// remedies are for matchers that are not decidable, but often used.
var remedies = map[string]string{
	"expression":    "write its parts as matchers of their own, one on a line",
	"header_regexp": "use header, with * at the beginning or the end of the value",
	"vars":          "name what the variable was set from",
	"vars_regexp":   "use path_regexp, or name what the variable was set from",
	"file":          "name the paths",
}

// Check reports why a matcher set can't be part of a rule.
func Check[S ~map[string]json.RawMessage](matchers S) error {
	_, err := compileSet(matchers, nil)
	return err
}

// Compile makes a rule of matcher sets in Caddy's JSON.
func Compile[S ~map[string]json.RawMessage](sets []S, clientIP ClientIP) (Rule, error) {
	rule := make(Rule, 0, len(sets))
	for _, matchers := range sets {
		compiled, err := compileSet(matchers, clientIP)
		if err != nil {
			return nil, err
		}
		rule = append(rule, compiled)
	}
	return rule, nil
}

func compileSet(matchers map[string]json.RawMessage, clientIP ClientIP) (set, error) {
	var compiled set
	for _, m := range decidable() {
		raw, ok := matchers[m.name]
		if !ok {
			continue
		}
		c, err := m.compile(raw, clientIP)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		compiled = append(compiled, c)
	}
	if len(compiled) < len(matchers) {
		return nil, undecidable(matchers)
	}
	return compiled, nil
}

// undecidable names the first matcher that is not in the list.
func undecidable(matchers map[string]json.RawMessage) error {
	var known []string
	for _, m := range decidable() {
		known = append(known, m.name)
	}
	for _, name := range slices.Sorted(maps.Keys(matchers)) {
		if slices.Contains(known, name) {
			continue
		}
		slices.Sort(known)
		want := strings.Join(known, ", ")
		if remedy, ok := remedies[name]; ok {
			want += " (" + remedy + ")"
		}
		return fmt.Errorf("the matcher %s can't be decided for every reading of a request; want %s", name, want)
	}
	return nil
}

// Any reports whether the rule holds under some reading, as `deny` needs it. readings
// are those of the path: see [route.Variants].
func (rule Rule) Any(r *http.Request, readings []string) bool {
	for i := range readings {
		if rule.at(r, readings, i, false) {
			return true
		}
	}
	return false
}

// addressHeaders make some frameworks run a request for another address.
var addressHeaders = []string{"X-Original-Url", "X-Rewrite-Url"}

// All reports whether the rule holds under every reading, as `trust`, `public` and
// `guest` need it.
func (rule Rule) All(r *http.Request, readings []string) bool {
	for _, name := range addressHeaders {
		if r.Header[name] != nil {
			return false
		}
	}
	for i := range readings {
		if !rule.at(r, readings, i, true) {
			return false
		}
	}
	return len(readings) > 0
}

func (rule Rule) at(r *http.Request, readings []string, i int, sure bool) bool {
	for _, s := range rule {
		if s.holds(r, readings, i, sure) {
			return true
		}
	}
	return false
}

func (s set) holds(r *http.Request, readings []string, i int, sure bool) bool {
	for _, c := range s {
		if !c.holds(r, readings, i, sure) {
			return false
		}
	}
	return true
}

// not is the matcher `not`: it holds if none of its sets does. It surely holds only if
// none of them may hold, and it may hold unless one of them surely does.
type not Rule

func compileNot(raw json.RawMessage, clientIP ClientIP) (condition, error) {
	var sets []map[string]json.RawMessage
	if err := decode(raw, &sets); err != nil {
		return nil, err
	}
	if len(sets) == 0 || slices.ContainsFunc(sets, func(s map[string]json.RawMessage) bool { return len(s) == 0 }) {
		return nil, fmt.Errorf("it has no matcher; want one, for example not path /private/*")
	}
	rule, err := Compile(sets, clientIP)
	return not(rule), err
}

func (n not) holds(r *http.Request, readings []string, i int, sure bool) bool {
	return !Rule(n).at(r, readings, i, !sure)
}
