package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/cli"
)

// codePeriod is how many seconds a code of the demo is shown.
const codePeriod = 30

// demoCodeCommand returns the command that shows codes as an authenticator app does. It is for
// the demo only: a key on the same machine as the browser is no second factor.
func demoCodeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "code KEY",
		Short: "Shows the current code for a set-up key, in the place of an authenticator app",
		Long: `
Shows the current code for KEY, the key that the set-up page shows, with or without its
spaces. It is for trying things out: a key that is typed into a shell is no secret.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			now := time.Now()
			code, err := totp.GenerateCode(strings.ToUpper(strings.Join(strings.Fields(strings.Join(args, "")), "")), now)
			if err != nil {
				return cli.WrongUse(cmd, errors.New("this is no key: want the letters and digits that the set-up page shows, as JBSW Y3DP EHPK 3PXP"))
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s  (for %d more seconds)\n", code, codePeriod-now.Unix()%codePeriod)
			return err
		},
	}
}
