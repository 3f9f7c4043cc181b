package config

import (
	"bytes"
	"embed"
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Preset has the settings for one known portal, from presets/NAME.yaml. It has only settings
// that were observed or that the portal's makers document. Settings that are merely plausible
// belong in the operator's Caddyfile.
type Preset struct {
	// Name is the argument of the subdirective `portal`.
	Name string `json:"-"`
	// Portal names the portal and the versions that the settings are for.
	Portal string
	// Tried is the version of the portal that was tested behind Secondgate, or "" if the
	// settings were only derived from its sources.
	Tried string
	// Sources are the files and documents that the settings are derived from, written
	// "repository path (version)".
	Sources []string
	// Site has the settings, in the form of the handler's JSON.
	Site Site
	// Notes explain settings, by their path. [Preset.Caddyfile] writes them as comments.
	Notes Notes
}

//go:embed presets/*.yaml
var presets embed.FS

// names returns the names of all presets, sorted.
func names() (list []string) {
	files, _ := fs.Glob(presets, "presets/*.yaml") // an error would be one of the pattern
	for _, file := range files {
		list = append(list, strings.TrimSuffix(path.Base(file), ".yaml"))
	}
	return list
}

// PresetNames returns the names of all presets for messages: "blesta, dokuwiki, …".
func PresetNames() string { return strings.Join(names(), ", ") }

// FindPreset returns the preset with a name, and whether there is one. It decodes the file each
// time, so that callers can't change each other's preset.
func FindPreset(name string) (Preset, bool) {
	raw, err := presets.ReadFile("presets/" + name + ".yaml")
	if err != nil {
		return Preset{}, false
	}
	p := Preset{Name: name}
	if err := p.decode(raw); err != nil {
		panic("preset " + name + ": " + err.Error()) // a test decodes all of them
	}
	return p, true
}

// decode reads a file. A key that is no setting is an error.
func (p *Preset) decode(raw []byte) error {
	var content map[string]any
	if err := yaml.Unmarshal(raw, &content); err != nil {
		return err
	}
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(p)
}

// Presets returns all presets, sorted by name.
func Presets() (list []Preset) {
	for _, name := range names() {
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
