package caddyplugin

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestCommands_WrongUseIsStatus2: in a Caddy that was built with this plugin, too, every
// command ends with status 2 for an unknown flag, and says so in one sentence.
func TestCommands_WrongUseIsStatus2(t *testing.T) {
	for _, c := range Commands() {
		cmd := &cobra.Command{Use: c.Name, SilenceUsage: true}
		c.CobraFunc(cmd)
		var errs bytes.Buffer
		cmd.SetErr(&errs)
		cmd.SetArgs([]string{"--nonsense"})
		if status := ExitStatus(cmd.Execute()); status != 2 || errs.String() != "Nothing was done: unknown flag: --nonsense.\n" {
			t.Errorf("%s ended with status %d and said %q", c.Name, status, errs.String())
		}
	}
}

// TestVersion: the line names Secondgate first.
func TestVersion(t *testing.T) {
	if v := Version(); !strings.HasPrefix(v, "secondgate ") || !strings.Contains(v, "(Caddy ") && !strings.Contains(v, "(commit ") {
		t.Error(v)
	}
}
