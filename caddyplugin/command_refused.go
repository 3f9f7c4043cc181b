package caddyplugin

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"
)

// saidNo is a server's sentence, with all that Caddy's error says.
type saidNo struct {
	error
	whole string
}

// askedWrong finds the statuses by which the admin API says that the input was wrong, and
// that nothing was changed.
var askedWrong = regexp.MustCompile(`HTTP (400|404|409):`)

// refused concludes a command with the server's refusal.
func refused(cmd *cobra.Command, err error) error {
	var no saidNo
	if errors.As(err, &no) && askedWrong.MatchString(no.whole) {
		return wrongInput(cmd, no.error)
	}
	return err
}

// wrongInput concludes a command that was given something wrong: one sentence, and the
// exit status 2.
func wrongInput(cmd *cobra.Command, err error) error {
	cmd.SilenceErrors = true
	fmt.Fprintf(cmd.ErrOrStderr(), "Nothing was done: %v.\n", err)
	return exitStatus(cmd, 2)
}

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
