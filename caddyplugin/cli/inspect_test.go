package cli_test

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/secondgate/secondgate/caddyplugin/cli"
	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/demoportal"
)

// command is the command of that name.
func command(name string) caddycmd.Command {
	all := cli.Commands()
	return all[slices.IndexFunc(all, func(c caddycmd.Command) bool { return c.Name == name })]
}

// sitesOf are the settings of the two_factor handlers of a Caddyfile, with presets and
// defaults, as JSON.
func sitesOf(t *testing.T, caddyfile string) (sites []string) {
	t.Helper()
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v, %v:\n%s", err, warnings, caddyfile)
	}
	var c map[string]any
	if err := json.Unmarshal(adapted, &c); err != nil {
		t.Fatal(err)
	}
	for _, found := range cli.FindSites(c) {
		site, err := cli.SettingsOf(found)
		if err != nil {
			t.Fatal(err)
		}
		sites = append(sites, text(t, site))
	}
	return sites
}

func text(t *testing.T, site config.Site) string {
	t.Helper()
	raw, err := json.MarshalIndent(site, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// runInspectCommand runs the command as cobra does, with lines on standard input.
func runInspectCommand(t *testing.T, input []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, progress bytes.Buffer
	c := command("inspect")
	cmd := &cobra.Command{Use: c.Name, SilenceErrors: true, SilenceUsage: true}
	c.CobraFunc(cmd)
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(strings.Join(input, "\n") + "\n"))
	cmd.SetOut(&out)
	cmd.SetErr(&progress)
	err = cmd.ExecuteContext(t.Context())
	return out.String(), progress.String(), err
}

// TestInspectWritesACaddyfile: standard output has the Caddyfile only, progress goes to standard
// error, and passwords are in neither.
func TestInspectWritesACaddyfile(t *testing.T) {
	server := httptest.NewServer(demoportal.New())
	t.Cleanup(server.Close)
	customers := demoportal.Customers()
	input := []string{customers[0].Name, customers[0].Password, customers[2].Name, customers[2].Password}
	out, progress, err := runInspectCommand(t, input, server.URL+"/", "--site", "portal.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if sites := sitesOf(t, out); len(sites) != 1 {
		t.Errorf("%d sites\n%s", len(sites), out)
	}
	if !strings.Contains(out, "\nportal.example.com {\n") || !strings.Contains(progress, "signing in as alice") || strings.Contains(out, "signing in as") {
		t.Errorf("output %q, progress %q", out, progress)
	}
	for _, c := range customers {
		if strings.Contains(out+progress, c.Password) {
			t.Errorf("the password of %s is told", c.Name)
		}
	}
}

// TestInspectIsAsDocumented: the Caddyfile in docs/inspect.md is the one that inspect writes for
// the demo portal.
func TestInspectIsAsDocumented(t *testing.T) {
	server := httptest.NewServer(demoportal.New())
	t.Cleanup(server.Close)
	a, b := demoportal.Customers()[0], demoportal.Customers()[1]
	out, _, err := runInspectCommand(t, []string{a.Name, a.Password, b.Name, b.Password}, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/inspect.md")
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := strings.Cut(string(text), "```caddyfile\n")
	want, _, _ = strings.Cut(want, "```")
	out = strings.ReplaceAll(out, strings.TrimPrefix(server.URL, "http://"), "127.0.0.1:8081")
	out = regexp.MustCompile(`learned by inspect on \d{4}-\d\d-\d\d`).ReplaceAllString(out, "learned by inspect on 2026-11-22")
	if out != want {
		t.Errorf("inspect writes\n%s\nand the documentation has\n%s", out, want)
	}
}

func TestInspectRefusesBadInput(t *testing.T) {
	good := []string{"alice", "secret-1"}
	for name, c := range map[string]struct {
		args, input []string
		says        string
	}{
		"no address":    {nil, good, "wants one argument, the portal's address"},
		"a password":    {[]string{"http://127.0.0.1:1/", "secret-1"}, good, "never given here"},
		"no scheme":     {[]string{"portal.example.com"}, good, "has no scheme"},
		"bad site":      {[]string{"http://127.0.0.1:1/", "--site", "a { b"}, good, "is not a site's address"},
		"bad page":      {[]string{"http://127.0.0.1:1/", "--page", "account"}, good, "is not a path of the portal"},
		"no customer":   {[]string{"http://127.0.0.1:1/"}, nil, "no test customer"},
		"nobody there":  {[]string{"http://127.0.0.1:1/"}, good, "check the address"},
		"unknown flags": {[]string{"http://127.0.0.1:1/", "--password", "secret-1"}, good, "unknown flag"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := runInspectCommand(t, c.input, c.args...)
			if err == nil || !strings.Contains(err.Error(), c.says) || out != "" {
				t.Errorf("error %v, want %q; output %q", err, c.says, out)
			}
			if err != nil && strings.Contains(err.Error(), "secret-1") {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}
