package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/admin"
)

var exportCommand = caddycmd.Command{
	Name:  "export",
	Usage: "--reason TEXT [--output FILE] [--format csv|jsonl] [--realm R]",
	Short: "Exports the secrets of all authenticators, for leaving",
	Long: `
Writes a line for each user of a realm who has a second factor, with the secret of the
authenticator in the clear: who has the file can make everybody's codes. It is written
to --output, which must not exist yet and is readable by you only, or to standard output
if that is no terminal (--force writes to one), as into a program that encrypts it:

    secondgate users export --reason "moving to …" | age -r RECIPIENT > users.csv.age

Backup codes are kept as hashes only; the export has the hashes, by which an import into
the same realm keeps the codes good. Elsewhere customers need new ones.

It asks the running server, and stands in the audit log with your name and reason.
--config finds the server's admin endpoint in a Caddyfile, --address names it.`,
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.NoArgs
		addTransferFlags(cmd)
		cmd.Flags().StringP("output", "o", "", "file to write, which must not exist")
		cmd.Flags().Bool("force", false, "write secrets to a terminal")
		cmd.RunE = runExport
	},
}

var errToTerminal = errors.New("an export holds secrets, and standard output is a terminal: name a file with --output, or say --force")

func runExport(cmd *cobra.Command, _ []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	query, err := transferQuery(flags)
	if err != nil {
		return wrongInput(cmd, err)
	}
	output := flags.String("output")
	if output == "" && isTerminal(cmd.OutOrStdout()) && !flags.Bool("force") {
		return wrongInput(cmd, errToTerminal)
	}
	srv, err := serverOf(cmd)
	if err != nil {
		return err
	}
	err = download(cmd, output, func() (io.ReadCloser, error) {
		return srv.send(http.MethodPost, "/two_factor/export?"+query.Encode(), admin.MediaTypes[query.Get("format")], nil)
	})
	if err != nil || output == "" {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is written. WHO HAS IT CAN MAKE EVERYBODY'S CODES: encrypt it, and remove it when it was read.\n", output) //nolint:errcheck // the file is there
	return nil
}
