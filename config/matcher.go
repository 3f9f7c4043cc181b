package config

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/directive"
	"github.com/secondgate/secondgate/internal/portal/exempt"
)

// ReadArguments reads a path, with Caddy's wildcards, or the name of a matcher of the site
// (@name). It refuses matchers that package exempt can't evaluate. Validate does so again, but
// only here the error can have the matcher's name and line.
func (m *MatcherSet) ReadArguments(line directive.Line) error {
	word := line.Args[0]
	set, ok, err := line.Matcher(word)
	if err != nil {
		return directive.Problemf("%w; want a matcher that this site defines, or a path", err)
	}
	if !ok {
		return directive.Problemf("%q is neither a path nor a matcher; want for example /%s or @name", word, word)
	}
	*m = set
	err = exempt.Check(set)
	if err != nil && strings.HasPrefix(word, "@") {
		return directive.Problemf("%s: %w", word, err)
	}
	if err != nil {
		return directive.Problem{Cause: err}
	}
	return nil
}

// WriteArguments returns the path if the set is a single path. Otherwise it writes a named
// matcher before the directive and returns its name.
func (m *MatcherSet) WriteArguments(w *directive.Writer) []string {
	if p, ok := m.onePath(); ok {
		return []string{p}
	}
	return []string{w.Matcher(func() { m.write(w) })}
}

// onePath returns the path of a set that has only one path, and that path begins with a slash.
func (m MatcherSet) onePath() (string, bool) {
	var list []string
	if len(m) != 1 || json.Unmarshal(m["path"], &list) != nil || len(list) != 1 {
		return "", false
	}
	return list[0], strings.HasPrefix(list[0], "/")
}

func (m MatcherSet) write(w *directive.Writer) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if err := writeMatcher(w, name, m[name]); err != nil {
			w.Fail(name, err.Error())
		}
	}
}

// writeMatcher writes one matcher of a set. It knows the matchers that package exempt allows.
func writeMatcher(w *directive.Writer, name string, raw json.RawMessage) error {
	switch name {
	case "path", "host", "method":
		return decoded(raw, func(list []string) { w.Line(name, list...) })
	case "protocol":
		return decoded(raw, func(value string) { w.Line(name, value) })
	case "path_regexp":
		return decoded(raw, func(m namedRegexp) { writePathRegexp(w, m) })
	case "remote_ip", "client_ip":
		return decoded(raw, func(m struct {
			Ranges []string `json:"ranges"`
		}) {
			w.Line(name, m.Ranges...)
		})
	case "query":
		return decoded(raw, func(query map[string][]string) { writeQuery(w, query) })
	case "header":
		return decoded(raw, func(header map[string][]string) { writeHeader(w, header) })
	case "not":
		return decoded(raw, func(sets []MatcherSet) {
			for _, set := range sets {
				w.Block("not", func() { set.write(w) })
			}
		})
	}
	return errors.New("this matcher is not supported here; want path, path_regexp, host, method, protocol, query, header, remote_ip, client_ip or not")
}

func decoded[T any](raw json.RawMessage, write func(T)) error {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	write(v)
	return nil
}

type namedRegexp struct {
	Name    string `json:"name"`
	Pattern string `json:"pattern"`
}

// writePathRegexp writes a path_regexp. One without a name can't be written: Caddy would give
// it a name when it reads the Caddyfile, and the settings would differ.
func writePathRegexp(w *directive.Writer, m namedRegexp) {
	if m.Name == "" {
		w.Fail(m.Pattern, "it has no name, so Caddy would generate one; want a name")
	}
	w.Line("path_regexp", m.Name, m.Pattern)
}

func writeQuery(w *directive.Writer, query map[string][]string) {
	var args []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, value := range query[name] {
			args = append(args, name+"="+value)
		}
	}
	w.Line("query", args...)
}

// writeHeader writes a header matcher. A nil list of values means that the request must not
// have the field.
func writeHeader(w *directive.Writer, header map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		switch {
		case header[name] == nil:
			w.Line("header", "!"+name)
		case len(header[name]) == 0:
			w.Fail(name, "a Caddyfile can't express that the header is present with any value; want the value *")
		}
		for _, value := range header[name] {
			w.Line("header", name, value)
		}
	}
}
