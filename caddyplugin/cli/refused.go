package cli

import (
	"errors"
	"fmt"
	"regexp"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// The exit statuses of all commands, as docs/admin-api.md lists them. Status 0 is
// success; any other error is status 1.
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

// ExitStatus is the status that the program ends with after a command returned err.
func ExitStatus(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[ended](err); ok {
		return e.status
	}
	return 1
}

// exitStatus is err with an exit status above 1.
func exitStatus(cmd *cobra.Command, err error, status int) error {
	silent := cmd.SilenceErrors
	caddys := caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return status, nil })(cmd, nil)
	cmd.SilenceErrors = silent
	return ended{err, status, caddys}
}

// saidNo is a server's sentence, with all that Caddy's error says.
type saidNo struct {
	error
	whole string
}

// askedWrong finds the statuses by which the admin API says that the input was wrong, and
// that nothing was changed.
var askedWrong = regexp.MustCompile(`HTTP (400|403|404|409):`)

// refused concludes a command with its error. A server's refusal of the input is a wrong
// use of the command, with status 2.
func refused(cmd *cobra.Command, err error) error {
	var no saidNo
	if errors.As(err, &no) && askedWrong.MatchString(no.whole) {
		return wrongInput(cmd, no.error)
	}
	return err
}

// wrongInput concludes a command that was given something wrong: one sentence, and the
// exit status 2. An error that was concluded before stays as it is.
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

// Strict makes a command, and those below it, end with status 2 for unknown flags, for
// wrong arguments, and for what the server refuses as wrong.
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

// WrongUse is how commands outside this package report wrong input.
func WrongUse(cmd *cobra.Command, err error) error { return wrongInput(cmd, err) }

// noWords and oneWord say how many words a command wants besides its flags.
func noWords(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return wrongInput(cmd, fmt.Errorf("%q is one word too many; see --help", args[0]))
	}
	return nil
}

func oneWord(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return wrongInput(cmd, fmt.Errorf("want one %s, there are %d words; see --help", what, len(args)))
		}
		return nil
	}
}
