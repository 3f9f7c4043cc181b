package operations

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/cli"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// run runs `two-factor report` with these arguments.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	for _, c := range cli.Commands() {
		if c.Name != "report" {
			continue
		}
		cmd := &cobra.Command{Use: "report", SilenceErrors: true, SilenceUsage: true}
		c.CobraFunc(cmd)
		var out bytes.Buffer
		cmd.SetOut(&out)
		cmd.SetArgs(args)
		err := cmd.Execute()
		return out.String(), err
	}
	t.Fatal("there is no report")
	return "", nil
}

// TestCommand: the command asks the running server, in mode enforce too. Without a server the
// error says what to do.
func TestCommand(t *testing.T) {
	w := startObserving(t, &harness.Legacy{}, harness.LegacyLines)
	address := "127.0.0.1:" + w.admin
	if out, err := run(t, "--address", address); err != nil || !strings.Contains(out, "Nothing was counted") {
		t.Errorf("%v\n%s", err, out)
	}
	b := w.Browser()
	signedInAs(t, b.SignInAndGo("alice"), "alice")
	w.awaits(report.UserFree, "alice", 1)
	out, err := run(t, "--address", address, "--days", "2")
	for _, want := range []string{"Realm default", "declared path", "Users who would have passed without a code", "alice", "Questions to the portal"} {
		if err != nil || !strings.Contains(out, want) {
			t.Fatalf("without %q: %v\n%s", want, err, out)
		}
	}
	out, err = run(t, "--address", address, "--json")
	if err != nil || !strings.Contains(out, `"realm": "default"`) || !strings.Contains(out, `"alice": 1`) {
		t.Errorf("%v\n%s", err, out)
	}

	if err := w.TryWhole(w.text(harness.LegacyLines)); err != nil { // enforce
		t.Fatal(err)
	}
	b.Get("/")
	b.SetCookie("chat", "1")
	b.Get("/")
	if s := w.awaits(report.CookieDropped, "chat", 1); s.Counts[report.Requests]["observe"] == 0 {
		t.Errorf("what was counted before the reload is gone: %v", s.Counts)
	}

	for _, bad := range [][]string{{"--days", "0"}, {"--days", "93"}, {"extra"}} {
		if _, err := run(t, append([]string{"--address", address}, bad...)...); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
	if _, err := run(t, "--address", "127.0.0.1:"+harness.FreePort(t)); err == nil || !strings.Contains(err.Error(), "start it") {
		t.Errorf("without a server: %v", err)
	}
}
