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
	Short: "Exports the secrets of all authenticators, for moving to another system",
	Long:  help("export"),
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
	fmt.Fprintf(cmd.OutOrStdout(), "%s is written. WITH THIS FILE ANYONE CAN COMPUTE THE CODES OF ALL USERS: encrypt it, and delete it after the import.\n", output) //nolint:errcheck // the file is there
	return nil
}
