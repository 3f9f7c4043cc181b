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

// condition is one compiled matcher of Caddy.
type condition interface {
	// holds reports whether the condition matches a request with the path readings[i]. With
	// sure, it must match under every reading of the other parts of the request; without sure,
	// one matching reading is enough.
	holds(r *http.Request, readings []string, i int, sure bool) bool
}

// ClientIP returns the address that the matcher client_ip compares.
type ClientIP func(*http.Request) string

// matcher compiles one kind of Caddy's matchers.
type matcher struct {
	name    string
	compile func(json.RawMessage, ClientIP) (condition, error)
}

// decidable returns all matchers that a rule may have, the cheapest first. It is the only list
// of them.
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

// remedies has the advice in the error message for each refused matcher that is often used.
var remedies = map[string]string{
	"expression":    "write its parts as separate matchers, one on each line",
	"header_regexp": "use header, with * at the beginning or the end of the value",
	"vars":          "use a matcher for the value from which the variable was set",
	"vars_regexp":   "use path_regexp, or a matcher for the value from which the variable was set",
	"file":          "use path, with the paths of the files",
}

// Check returns an error with the reason if a matcher set can't be part of a rule.
func Check[S ~map[string]json.RawMessage](matchers S) error {
	_, err := compileSet(matchers, nil)
	return err
}

// Compile compiles matcher sets in Caddy's JSON to a rule.
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

// undecidable returns the error about the first matcher that decidable does not list.
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

// addressHeaders are headers that make some frameworks handle a request as one for another
// URL.
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

// not is the matcher `not`: it matches if none of its sets matches. With sure, it matches only
// if no set matches under any reading. Without sure, it matches unless a set matches under
// every reading.
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
