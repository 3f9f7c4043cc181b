package config

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// Preset is what is known of one portal: data, in a file of its own. It holds only what
// was observed or what the portal's makers document; what is only plausible belongs
// into the operator's Caddyfile.
type Preset struct {
	// Name is what the subdirective portal takes.
	Name string
	// Portal names the portal and the versions that the settings are for.
	Portal string
	// Tried is the version that was run here behind Secondgate, or "" where the
	// settings were only read from the sources.
	Tried string
	// Sources are what was read: "repository path (version)".
	Sources []string
	Site    Site
	// Notes say why, setting by setting; they are shown with the Caddyfile.
	Notes Notes
}

// presets are constructors, so that no two callers share a preset's slices.
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

// PresetNames lists the presets for people: "blesta, dokuwiki, …".
func PresetNames() string {
	return strings.Join(slices.Sorted(maps.Keys(presets)), ", ")
}

// FindPreset returns the preset of a name, and whether there is one.
func FindPreset(name string) (Preset, bool) {
	preset, ok := presets[name]
	if !ok {
		return Preset{}, false
	}
	p := preset()
	p.Name = name
	return p, true
}

// Presets are all presets, by name.
func Presets() (list []Preset) {
	for _, name := range slices.Sorted(maps.Keys(presets)) {
		p, _ := FindPreset(name)
		list = append(list, p)
	}
	return list
}

// Caddyfile writes the preset out as the two_factor directive that it stands for.
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

// paths are matcher sets of Caddy, one for each path pattern.
func paths(list ...string) (sets []MatcherSet) {
	for _, p := range list {
		sets = append(sets, matcher("path", []string{p}))
	}
	return sets
}

// queries are matcher sets of Caddy, one for each name of a query parameter, whatever
// its value.
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
