package cli

import (
	"bytes"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"
)

// TestCommands_WrongUseIsStatus2: every command exits with status 2 for an unknown flag and prints
// one sentence, also in a Caddy that was built with this plugin.
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

// TestHelpTexts: every command has a text of its own, and every text is a command's.
func TestHelpTexts(t *testing.T) {
	parent := new(cobra.Command)
	addCommands(parent, Commands()...)
	used := make(map[string]bool)
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		used[cmd.Long] = true
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(parent)
	files, err := helpTexts.ReadDir("help")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(file.Name(), ".txt"); !used[help(name)] {
			t.Errorf("%s is the text of no command", file.Name())
		}
	}
}

// TestVersion: the line names Secondgate first.
func TestVersion(t *testing.T) {
	if v := Version(); !strings.HasPrefix(v, "secondgate ") || !strings.Contains(v, "(Caddy ") && !strings.Contains(v, "(commit ") {
		t.Error(v)
	}
}

// TestDefaultAdmin: commands use the socket of the shipped unit if it is there, unless
// the environment names another endpoint.
func TestDefaultAdmin(t *testing.T) {
	t.Setenv("CADDY_ADMIN", "")
	socket := filepath.Join(t.TempDir(), "admin.sock")
	if got := defaultAdmin(socket); got != caddy.DefaultAdminListen {
		t.Errorf("without a socket: %s", got)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if got := defaultAdmin(socket); got != "unix/"+socket {
		t.Errorf("with a socket: %s", got)
	}
	t.Setenv("CADDY_ADMIN", "localhost:2020")
	if got := defaultAdmin(socket); got != caddy.DefaultAdminListen {
		t.Errorf("with an environment: %s", got)
	}
}
