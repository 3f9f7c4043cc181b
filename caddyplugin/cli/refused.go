package cli

import (
	"errors"
	"fmt"
	"regexp"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// statusWrongUse is the exit status for wrong input. Status 0 is success, 1 any other error;
// docs/admin-api.md lists them.
const statusWrongUse = 2

// ended is the error of a command that ends with an exit status other than 1.
//
// Caddy's main ends with a status above 1 only for an error of its own type, which has
// no exported name; WrapCommandFuncForCobra is the only way to make one. ended wraps
// such an error too, so that the status is the same in a Caddy built with this plugin.
type ended struct {
	error
	status int
	caddys error
}

func (e ended) Unwrap() []error { return []error{e.error, e.caddys} }

// ExitStatus returns the exit status for the error of a command.
func ExitStatus(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[ended](err); ok {
		return e.status
	}
	return 1
}

// exitStatus returns err wrapped as ended, with a status above 1.
func exitStatus(cmd *cobra.Command, err error, status int) error {
	silent := cmd.SilenceErrors
	caddys := caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return status, nil })(cmd, nil)
	cmd.SilenceErrors = silent
	return ended{err, status, caddys}
}

// saidNo is a refusal by the server: error is the server's sentence, whole the text of Caddy's
// error, which also has the HTTP status.
type saidNo struct {
	error
	whole string
}

// askedWrong matches the HTTP statuses with which the admin API refuses wrong input. Nothing
// was changed then.
var askedWrong = regexp.MustCompile(`HTTP (400|403|404|409):`)

// refused returns the error for a command to return. If the server refused the input, it is
// that of wrongInput, with status 2; otherwise err.
func refused(cmd *cobra.Command, err error) error {
	var no saidNo
	if errors.As(err, &no) && askedWrong.MatchString(no.whole) {
		return wrongInput(cmd, no.error)
	}
	return err
}

// wrongInput prints a sentence that nothing was done and why, and returns an error with exit
// status 2. An error that already has an exit status is returned unchanged.
func wrongInput(cmd *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	if _, done := errors.AsType[ended](err); done {
		return err
	}
	cmd.SilenceErrors = true
	fmt.Fprintf(cmd.ErrOrStderr(), "Nothing was done: %v.\n", err)
	return exitStatus(cmd, err, statusWrongUse)
}

// Strict makes a command and its subcommands end with status 2 for unknown flags, for wrong
// arguments, and for input that the server refuses.
func Strict(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(wrongInput)
	if want := cmd.Args; want != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error { return wrongInput(cmd, want(cmd, args)) }
	}
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error { return refused(cmd, run(cmd, args)) }
	}
	for _, sub := range cmd.Commands() {
		Strict(sub)
	}
}

// WrongUse is wrongInput for commands in other packages.
func WrongUse(cmd *cobra.Command, err error) error { return wrongInput(cmd, err) }

// noWords and oneWord check the number of a command's arguments besides its flags.
func noWords(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q is one word too many; see --help", args[0])
	}
	return nil
}

func oneWord(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("want one %s, there are %d words; see --help", what, len(args))
		}
		return nil
	}
}
