package config

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestPresetFiles: every preset says what it is for and where its settings come from. The call
// decodes all files.
func TestPresetFiles(t *testing.T) {
	all := Presets()
	if len(all) < 10 {
		t.Errorf("%d presets", len(all))
	}
	for _, p := range all {
		if p.Portal == "" || len(p.Sources) == 0 || len(p.Site.Whoami) == 0 {
			t.Errorf("preset %s: %+v", p.Name, p)
		}
	}
}

// TestPresetTypingErrors: a key that is no setting is not ignored.
func TestPresetTypingErrors(t *testing.T) {
	err := new(Preset).decode([]byte("portal: x\nsite: {denny: []}\n"))
	if err == nil || !strings.Contains(err.Error(), "denny") {
		t.Errorf("the error is %v", err)
	}
	for _, name := range []string{"", "../presets/wordpress", "wordpress.yaml", "none"} {
		if _, ok := FindPreset(name); ok {
			t.Errorf("there is a preset %q", name)
		}
	}
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
