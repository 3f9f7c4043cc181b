package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/directive"
)

// Without maps subdirectives to the values of the preset to leave out; an empty list leaves out
// all. In deny, a query is written ?NAME=VALUE and a header NAME:VALUE.
type Without map[string][]string

// take removes the listed values from the preset's settings. It returns an error for a value
// that the preset does not have: it is mistyped, or of another version of the preset.
func (w Without) take(preset *Preset) error {
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if !slices.Contains(takeable, name) {
			last := len(takeable) - 1
			return ofPreset(preset, name, fmt.Errorf("%q cannot be left out; want %s or %s (others are replaced by your own)",
				name, strings.Join(takeable[:last], ", "), takeable[last]))
		}
		row, _ := SiteRows.Find(name)
		if err := row.Take(&preset.Site, w[name]); err != nil {
			return ofPreset(preset, name, err)
		}
	}
	return nil
}

// takeable are the subdirectives that `without` accepts: lists, which are joined with the
// preset's, and `rotates`, which the operator can't switch off otherwise. Other settings are
// replaced by the operator's own.
var takeable = func() (names []string) {
	for _, row := range SiteRows {
		if row.Preset == directive.Added || row.Field == "Rotates" {
			names = append(names, row.Name())
		}
	}
	slices.Sort(names)
	return names
}()

// alone returns an error if there are values to leave out. withPreset calls it if the site has
// no preset.
func (w Without) alone() error {
	if len(w) > 0 {
		return wrong("without", "there is no preset with settings to leave out; want it together with a preset (%s)", PresetNames())
	}
	return nil
}

func ofPreset(preset *Preset, name string, err error) error {
	return wrong("without."+name, "preset %s: %v", preset.Name, err)
}

// Label returns the name by which `without` selects a credential of a preset.
func (c Credential) Label() string { return c.Header + c.Query }

// Label returns the name by which `without` selects a sign-in of a preset.
func (s SignIn) Label() string { return strings.Join(s.Paths, " ") }

// Label returns the name by which `without` selects a matcher set of a preset: its path, its
// query as ?NAME=VALUE, or its header as NAME:VALUE.
func (m MatcherSet) Label() string {
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
