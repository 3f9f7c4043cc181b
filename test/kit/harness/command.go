package harness

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/cli"
	"github.com/secondgate/secondgate/test/kit/split"
)

// inCommand is set in the environment of a test program that only runs a command.
const inCommand = "SECONDGATE_TEST_COMMAND"

// atOnce is how many tests that call t.Parallel run at once. Rehearsals mostly wait.
const atOnce = "2"

// CommandResult is what a command said and ended with.
type CommandResult struct {
	Out, Err string
	Status   int
}

// CommandMain runs the tests of a package that calls Command: its TestMain has to do
// nothing else.
func CommandMain(m *testing.M) {
	if os.Getenv(inCommand) != "" {
		if err := json.NewEncoder(os.Stdout).Encode(runCommand(os.Args[1], os.Args[2:])); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err)
	}
	os.Exit(split.Run(m))
}

// Command runs a command of Secondgate in a process of its own, since Caddy has one
// configuration per process: several may run at once. Temporary files go to the directory.
func Command(t testing.TB, temporary string, input []string, name string, args ...string) (r CommandResult) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{name}, args...)...)
	// The race detector waits for a second before its process ends.
	cmd.Env = append(os.Environ(), inCommand+"=1", "TMPDIR="+temporary, "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))
	cmd.Stdin = strings.NewReader(strings.Join(input, "\n") + "\n")
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	err := cmd.Run()
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &r)
	}
	if err != nil {
		t.Fatalf("the process of %s: %v\n%s%s", name, err, out.String(), tail(log.String(), 8000))
	}
	return r
}

func runCommand(name string, args []string) CommandResult {
	all := cli.Commands()
	i := slices.IndexFunc(all, func(c caddycmd.Command) bool { return c.Name == name })
	if i < 0 {
		return CommandResult{Err: fmt.Sprintf("no command %s", name), Status: 1}
	}
	cmd := &cobra.Command{Use: name, SilenceUsage: true}
	all[i].CobraFunc(cmd)
	var out, errs bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetIn(os.Stdin)
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	status := cli.ExitStatus(cmd.Execute())
	return CommandResult{out.String(), errs.String(), status}
}
