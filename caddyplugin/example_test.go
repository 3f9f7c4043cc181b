package caddyplugin

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/directive"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// TestExample: the example adapts without a warning, formatting included, and listens on loopback
// only.
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

//go:generate go test -run ^TestDocumentation$ . -update

// docs/caddyfile.md explains every subdirective, with its usage, in tables, and every
// preset. With -update the usages and tables are written from the rows.
func TestDocumentation(t *testing.T) {
	const file = "../docs/caddyfile.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	written := documented(t, string(text))
	if *update && !t.Failed() {
		if err := os.WriteFile(file, []byte(written), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if written != string(text) {
		t.Errorf("%s does not say what the rows say; bring it up to date: go generate ./caddyplugin", file)
	}
	for name := range strings.SplitSeq(config.PresetNames(), ", ") {
		if !strings.Contains(written, "(portals/"+name+".md)") {
			t.Errorf("preset %s is not linked", name)
		}
		if _, err := os.Stat("../docs/portals/" + name + ".md"); err != nil {
			t.Error(err)
		}
	}
}

// documented is the page with the usages below the headings, and the tables between the
// comments `<!-- rows of NAME -->` and `<!-- end -->`, as the rows have them.
func documented(t *testing.T, page string) string {
	t.Helper()
	blocks := map[string]directive.Rows{"two_factor": config.SiteRows, "the global option": globalRows, "two_factor_admin": staffRows}
	for _, rows := range []directive.Rows{config.SiteRows, globalRows} {
		for _, row := range rows {
			if len(row.Block) > 1 {
				blocks[row.Name()] = row.Block
			}
		}
	}
	for name, rows := range blocks {
		page = replaced(t, page, "<!-- rows of "+name+" -->\n\n", "\n<!-- end -->", rows.Table())
	}
	for _, row := range config.SiteRows {
		_, section, _ := strings.Cut(page, "### `"+row.Name()+"`\n")
		section, _, _ = strings.Cut(section, "\n#")
		if _, said, found := strings.Cut(section, "Default: `"); found && row.Default != "" && !strings.HasPrefix(said, row.Default+"`") {
			t.Errorf("the section about %s names another default than %s: %.20s", row.Name(), row.Default, said)
		}
		page = replaced(t, page, "### `"+row.Name()+"`\n\n```\n", "```\n", row.Synopsis())
	}
	for _, name := range []string{"mail", "audit"} {
		row, _ := globalRows.Find(name)
		page = replaced(t, page, "### `"+name+"`\n\n```\n", "```\n", row.Synopsis())
	}
	page = replaced(t, page, "## For all sites: the global option\n\n```\n{\n", "}\n```\n", "\ttwo_factor {\n"+globalRows.Synopsis("\t\t")+"\t}\n")
	return replaced(t, page, "```\ntwo_factor_admin {\n", "}\n```\n", staffRows.Synopsis("\t"))
}

// replaced puts text between the first before and the after that follows it.
func replaced(t *testing.T, page, before, after, text string) string {
	t.Helper()
	head, rest, found := strings.Cut(page, before)
	_, tail, ends := strings.Cut(rest, after)
	if !found || !ends {
		t.Errorf("docs/caddyfile.md has no %q", before)
		return page
	}
	return head + before + text + after + tail
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

// The Caddyfile of a recipe below "What the preset says" writes the preset out, so that operators
// can read and copy it. Both must have the same settings.
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
