package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Without takes settings of a preset away, by the subdirective they belong to: the
// values that are listed, or all where none is. In deny, a query is written ?NAME=VALUE and a
// header NAME:VALUE.
type Without map[string][]string

// take removes what is listed from the preset's settings. What the preset does not have
// is an error: it is a typing mistake, or the preset of another version.
func (w Without) take(preset *Preset) error {
	s := &preset.Site
	for _, name := range slices.Sorted(maps.Keys(w)) {
		var err error
		switch name {
		case "leave":
			s.Leave, err = less(s.Leave, w[name], func(v string) string { return v })
		case "credential":
			s.Credential, err = less(s.Credential, w[name], func(c Credential) string { return c.Header + c.Query })
		case "public":
			s.Public, err = less(s.Public, w[name], MatcherSet.label)
		case "deny":
			s.Deny, err = less(s.Deny, w[name], MatcherSet.label)
		case "sign_in":
			s.SignIn, err = less(s.SignIn, w[name], func(in SignIn) string { return strings.Join(in.Paths, " ") })
		case "sign_out":
			s.SignOut, err = less(s.SignOut, w[name], func(v string) string { return v })
		case "rotates":
			s.Rotates, err = nil, noValues(w[name])
		default:
			err = wrong("", "%q cannot be taken away; want credential, deny, leave, public, rotates, sign_in or sign_out (others are replaced by your own)", name)
		}
		if err != nil {
			return at("without."+name, ofPreset(preset.Name, err))
		}
	}
	return nil
}

// alone refuses to take something away from no preset.
func (w Without) alone() error {
	if len(w) > 0 {
		return wrong("without", "there is no portal whose settings could be taken away; want it beside a preset (%s)", PresetNames())
	}
	return nil
}

func ofPreset(name string, err error) error {
	e := err.(*Error)
	return &Error{Where: e.Where, Problem: fmt.Sprintf("preset %s: %s", name, e.Problem)}
}

// less is the list without what is named, or nothing where no name is given.
func less[T any](list []T, names []string, label func(T) string) (left []T, err error) {
	var labels []string
	for _, v := range list {
		labels = append(labels, label(v))
		if len(names) > 0 && !slices.Contains(names, label(v)) {
			left = append(left, v)
		}
	}
	for _, name := range names {
		if !slices.Contains(labels, name) {
			return nil, wrong("", "%q is not there; want one of: %s", name, strings.Join(labels, ", "))
		}
	}
	return left, nil
}

func noValues(values []string) error {
	if len(values) > 0 {
		return wrong("", "%q is too much; rotates has no values", strings.Join(values, " "))
	}
	return nil
}

// label is how a matcher set of a preset is named: its path, its query as ?NAME=VALUE,
// or its header as NAME:VALUE.
func (m MatcherSet) label() string {
	var path []string
	if json.Unmarshal(m["path"], &path) == nil {
		return strings.Join(path, " ")
	}
	if query := m.pairs("query", "="); query != "" {
		return "?" + query
	}
	return m.pairs("header", ":")
}

func (m MatcherSet) pairs(matcher, separator string) string {
	var values map[string][]string
	if json.Unmarshal(m[matcher], &values) != nil {
		return ""
	}
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, value := range values[name] {
			pairs = append(pairs, name+separator+value)
		}
	}
	return strings.Join(pairs, "&")
}
