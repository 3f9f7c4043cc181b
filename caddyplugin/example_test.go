package caddyplugin

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// The example runs as it is: it adapts without a warning, formatting included, and
// listens on loopback only.
func TestExample(t *testing.T) {
	text, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	var adapted struct {
		Apps struct {
			HTTP struct {
				Servers map[string]struct {
					Listen []string `json:"listen"`
				} `json:"servers"`
			} `json:"http"`
		} `json:"apps"`
	}
	if err := json.Unmarshal([]byte(adapt(t, string(text))), &adapted); err != nil {
		t.Fatal(err)
	}
	for name, server := range adapted.Apps.HTTP.Servers {
		if !slices.Equal(server.Listen, []string{"127.0.0.1:8080"}) {
			t.Errorf("%s listens on %v", name, server.Listen)
		}
	}
	if len(adapted.Apps.HTTP.Servers) != 1 {
		t.Errorf("%d servers, want one", len(adapted.Apps.HTTP.Servers))
	}
}

// The directory of the example comes from the environment, or is the default.
func TestExampleDirectory(t *testing.T) {
	text, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	if got := adapt(t, string(text)); strings.Contains(got, `"directory"`) {
		t.Errorf("a directory without SECONDGATE_DIR: %s", got)
	}
	t.Setenv("SECONDGATE_DIR", "/srv/two_factor")
	if got := adapt(t, string(text)); !strings.Contains(got, `"directory": "/srv/two_factor"`) {
		t.Errorf("SECONDGATE_DIR is not used: %s", got)
	}
}

// docs/caddyfile.md explains every subdirective, with its usage, and every preset.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../docs/caddyfile.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(text)
	p := new(siteParser)
	for name, e := range p.siteTable() {
		if !strings.Contains(doc, "### `"+name+"`\n") {
			t.Errorf("%s has no section", name)
		}
		usage := strings.TrimSuffix(strings.TrimSuffix(e.usage, " [{ … }]"), " { … }")
		if !strings.Contains(doc, "\n"+usage) {
			t.Errorf("%s: its usage is missing: %s", name, usage)
		}
	}
	for name := range strings.SplitSeq(config.PresetNames(), ", ") {
		if !strings.Contains(doc, "(portals/"+name+".md)") {
			t.Errorf("preset %s is not linked", name)
		}
		if _, err := os.Stat("../docs/portals/" + name + ".md"); err != nil {
			t.Error(err)
		}
	}
}

// Every Caddyfile in the documentation adapts, without a warning.
func TestDocumentedCaddyfilesAdapt(t *testing.T) {
	for _, file := range []string{"caddyfile", "support-desk", "portals/wordpress", "portals/dokuwiki", "portals/whmcs", "portals/node-red", "portals/kinds"} {
		text, err := os.ReadFile("../docs/" + file + ".md")
		if err != nil {
			t.Fatal(err)
		}
		parts := strings.Split(string(text), "```caddyfile\n")
		if len(parts) < 2 {
			t.Errorf("%s has no Caddyfile", file)
		}
		for _, part := range parts[1:] {
			example, _, _ := strings.Cut(part, "```")
			if got := adapt(t, example); !strings.HasPrefix(got, "{") {
				t.Errorf("%s: %s\n%s", file, got, example)
			}
		}
	}
}

// A recipe's Caddyfile below "What the preset says" writes the preset out, so that
// operators can read it and copy it: both must come to the same settings.
func TestRecipesAreThePresets(t *testing.T) {
	for _, p := range config.Presets() {
		text, err := os.ReadFile("../docs/portals/" + p.Name + ".md")
		if err != nil {
			t.Fatal(err)
		}
		_, recipe, _ := strings.Cut(string(text), "## What the preset says")
		_, recipe, _ = strings.Cut(recipe, "```caddyfile\n")
		recipe, _, _ = strings.Cut(recipe, "```")
		adapted := adapt(t, recipe)
		if !strings.HasPrefix(adapted, "{") {
			t.Fatalf("%s: %s", p.Name, adapted)
		}
		site := adaptedSites(t, adapted)[0]
		for _, w := range site.Whoami {
			if _, err := whoami.Compile(w); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
		if got, want := resolved(t, site), resolved(t, config.Site{Portal: p.Name}); got != want {
			t.Errorf("%s: the recipe says\n%s\nthe preset\n%s", p.Name, got, want)
		}
		if untested := strings.Contains(string(text), "**Untested here**"); untested != (p.Tried == "") {
			t.Errorf("%s: the recipe does not say whether it was tried", p.Name)
		}
	}
}

func resolved(t *testing.T, site config.Site) string {
	t.Helper()
	site, err := site.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.MarshalIndent(site, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
