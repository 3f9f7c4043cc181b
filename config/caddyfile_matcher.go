package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// matcherList writes a list of exceptions: paths as they are, everything else by the
// name of a matcher that is written before the directive.
func (w *writer) matcherList(name string, sets []MatcherSet) {
	var args []string
	for _, set := range sets {
		if p, ok := set.onePath(); ok {
			args = append(args, p)
			continue
		}
		args = append(args, w.matcher(name, set))
	}
	w.list(name, args)
}

// onePath returns the path of a set that is nothing but one path with a slash before it.
func (m MatcherSet) onePath() (string, bool) {
	var list []string
	if len(m) != 1 || json.Unmarshal(m["path"], &list) != nil || len(list) != 1 {
		return "", false
	}
	return list[0], strings.HasPrefix(list[0], "/")
}

// matcher writes a named matcher and returns its name, which no operator is likely to
// have given to another.
func (w *writer) matcher(list string, set MatcherSet) string {
	w.matchers++
	name := "@two_factor_" + list
	if w.matchers > 1 {
		name += strconv.Itoa(w.matchers)
	}
	inner := &writer{depth: 2}
	inner.matcherLines(set)
	body := inner.out.String()
	if strings.Count(body, "\n") == 1 {
		w.named.WriteString("\t" + name + " " + strings.TrimLeft(body, "\t"))
	} else {
		w.named.WriteString("\t" + name + " {\n" + body + "\t}\n")
	}
	if w.err == nil {
		w.err = inner.err
	}
	return name
}

func (w *writer) matcherLines(set MatcherSet) {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if err := w.matcherLine(name, set[name]); err != nil && w.err == nil {
			w.err = fmt.Errorf("matcher %s cannot be written in a Caddyfile: %w", name, err)
		}
	}
}

// matcherLine writes one matcher of a set, those that exceptions are usually made of.
func (w *writer) matcherLine(name string, raw json.RawMessage) error {
	switch name {
	case "path", "host", "method":
		return decoded(raw, func(list []string) { w.line("", name, list...) })
	case "protocol":
		return decoded(raw, func(value string) { w.line("", name, value) })
	case "path_regexp":
		return decoded(raw, w.matchPathRegexp)
	case "remote_ip", "client_ip":
		return decoded(raw, func(m struct {
			Ranges []string `json:"ranges"`
		}) {
			w.line("", name, m.Ranges...)
		})
	case "query":
		return decoded(raw, w.matchQuery)
	case "header":
		return decoded(raw, w.matchHeader)
	case "not":
		return decoded(raw, func(sets []MatcherSet) {
			for _, set := range sets {
				w.block("not", nil, func() { w.matcherLines(set) })
			}
		})
	}
	return errors.New("it is not one that exceptions can have")
}

func decoded[T any](raw json.RawMessage, write func(T)) error {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	write(v)
	return nil
}

// matchPathRegexp can't say an expression without a name: Caddy gives it one.
func (w *writer) matchPathRegexp(m struct {
	Name    string `json:"name"`
	Pattern string `json:"pattern"`
}) {
	if m.Name == "" {
		w.fail("path_regexp", m.Pattern, "it has no name, and Caddy would give it one")
	}
	w.line("", "path_regexp", m.Name, m.Pattern)
}

func (w *writer) matchQuery(query map[string][]string) {
	var args []string
	for _, name := range slices.Sorted(maps.Keys(query)) {
		for _, value := range query[name] {
			args = append(args, name+"="+value)
		}
	}
	w.line("", "query", args...)
}

// matchHeader writes a field without values as one that must not be there.
func (w *writer) matchHeader(header map[string][]string) {
	for _, name := range slices.Sorted(maps.Keys(header)) {
		switch {
		case header[name] == nil:
			w.line("", "header", "!"+name)
		case len(header[name]) == 0:
			w.fail("header", name, "that it is there, whatever its value, has no words; want the value *")
		}
		for _, value := range header[name] {
			w.line("", "header", name, value)
		}
	}
}
