package config

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Preset has the settings for one known portal. Each is in a file of its own. It has only
// settings that were observed or that the portal's makers document. Settings that are merely
// plausible belong in the operator's Caddyfile.
type Preset struct {
	// Name is the argument of the subdirective `portal`.
	Name string
	// Portal names the portal and the versions that the settings are for.
	Portal string
	// Tried is the version of the portal that was tested behind Secondgate, or "" if the
	// settings were only derived from its sources.
	Tried string
	// Sources are the files and documents that the settings are derived from, written
	// "repository path (version)".
	Sources []string
	Site    Site
	// Notes explain settings, by their path. [Preset.Caddyfile] writes them as comments.
	Notes Notes
}

// presets has a constructor for each preset, by name. Each call returns new slices, so that
// callers can't change each other's preset.
var presets = map[string]func() Preset{
	"blesta":     blesta,
	"dokuwiki":   dokuwiki,
	"mediawiki":  mediawiki,
	"nextcloud":  nextcloud,
	"node-red":   nodeRED,
	"phpmyadmin": phpmyadmin,
	"redmine":    redmine,
	"roundcube":  roundcube,
	"whmcs":      whmcs,
	"wordpress":  wordpress,
}

// PresetNames returns the names of all presets for messages: "blesta, dokuwiki, …".
func PresetNames() string {
	return strings.Join(slices.Sorted(maps.Keys(presets)), ", ")
}

// FindPreset returns the preset with a name, and whether there is one.
func FindPreset(name string) (Preset, bool) {
	preset, ok := presets[name]
	if !ok {
		return Preset{}, false
	}
	p := preset()
	p.Name = name
	return p, true
}

// Presets returns all presets, sorted by name.
func Presets() (list []Preset) {
	for _, name := range slices.Sorted(maps.Keys(presets)) {
		p, _ := FindPreset(name)
		list = append(list, p)
	}
	return list
}

// Caddyfile returns the preset as a two_factor directive with all settings, for the command
// presets.
func (p Preset) Caddyfile() (string, error) {
	notes := maps.Clone(p.Notes)
	if notes == nil {
		notes = Notes{}
	}
	tried := "Untested here: only read. Try it with a test installation first."
	if p.Tried != "" {
		tried = "Tried here with " + p.Tried + "."
	}
	lines := append([]string{p.Portal + ". " + tried, "Taken from:"}, p.Sources...)
	notes[""] = strings.Join(lines, "\n")
	return p.Site.Caddyfile(notes)
}

// paths returns a matcher set for each path pattern.
func paths(list ...string) (sets []MatcherSet) {
	for _, p := range list {
		sets = append(sets, matcher("path", []string{p}))
	}
	return sets
}

// queries returns, for each name, a matcher set for requests with a query parameter of that
// name and any value.
func queries(names ...string) (sets []MatcherSet) {
	for _, name := range names {
		sets = append(sets, matcher("query", map[string][]string{name: {"*"}}))
	}
	return sets
}

func matcher(name string, value any) MatcherSet {
	raw, err := json.Marshal(value)
	if err != nil {
		panic("strings always marshal: " + err.Error())
	}
	return MatcherSet{name: raw}
}
