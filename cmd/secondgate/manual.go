package main

import (
	"errors"
	"fmt"
	"os"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/secondgate/secondgate/caddyplugin/cli"
)

var versionCommand = caddycmd.Command{
	Name:  "version",
	Short: "Prints the versions of Secondgate and of the Caddy in it",
	Long: `
Prints one line: the version of this program, the commit it was built from ("modified" if
the sources differed from it), and the versions of Caddy and Go.`,
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.NoArgs
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), cli.Version())
			return err
		}
	},
}

var manualCommand = caddycmd.Command{
	Name:  "manpage",
	Usage: "--directory DIR",
	Short: "Writes the manual pages of all commands",
	Long: `
Writes a manual page of section 8 for each command into DIR, which is made if it is not
there: secondgate.8, secondgate-run.8 and so on.`,
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.NoArgs
		dir := cmd.Flags().StringP("directory", "o", "", "directory to write to")
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			if *dir == "" {
				return cli.WrongUse(cmd, errors.New("want --directory DIR, the directory to write the pages to"))
			}
			if err := os.MkdirAll(*dir, 0o755); err != nil {
				return fmt.Errorf("making the directory: %w", err)
			}
			return doc.GenManTree(cmd.Root(), &doc.GenManHeader{
				Title: "SECONDGATE", Section: "8", Source: cli.Version(), Manual: "Secondgate",
			}, *dir)
		}
	},
}
