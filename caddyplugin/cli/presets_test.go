package cli_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/config"
)

// runPresets runs the command as cobra does.
func runPresets(args ...string) (string, error) {
	var out bytes.Buffer
	c := command("presets")
	cmd := &cobra.Command{Use: c.Name, SilenceErrors: true, SilenceUsage: true}
	c.CobraFunc(cmd)
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	err := cmd.Execute()
	return out.String(), err
}

func TestPresetsLists(t *testing.T) {
	out, err := runPresets()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range config.Presets() {
		row := ""
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, p.Name+" ") {
				row = line
			}
		}
		tried := p.Tried
		if tried == "" {
			tried = "untested"
		}
		if !strings.Contains(row, p.Portal) || !strings.HasSuffix(row, tried+"\n") {
			t.Errorf("%s: %q in\n%s", p.Name, row, out)
		}
	}
}

// TestPresetsShowsThePreset: the output of the command, pasted into a Caddyfile, configures the
// gateway as the preset does.
func TestPresetsShowsThePreset(t *testing.T) {
	for _, p := range config.Presets() {
		out, err := runPresets(p.Name)
		if err != nil {
			t.Fatal(err)
		}
		site, err := config.Site{Portal: p.Name}.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		got, want := sitesOf(t, out)[0], text(t, site)
		if got != want {
			t.Errorf("%s\nis\n%s\nand the preset\n%s", out, got, want)
		}
		if untested := strings.Contains(out, "# ") && strings.Contains(out, "Untested here"); untested != (p.Tried == "") {
			t.Errorf("%s does not say whether it was tried:\n%s", p.Name, out)
		}
	}
}

func TestPresetsOfAnotherName(t *testing.T) {
	out, err := runPresets("wordpres")
	if err == nil || !strings.Contains(err.Error(), config.PresetNames()) || out != "" {
		t.Errorf("%v, %q", err, out)
	}
}
