package cli

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/admin"
	"github.com/secondgate/secondgate/internal/transfer"
)

var importCommand = caddycmd.Command{
	Name:  "import",
	Usage: "FILE|- [--format csv|jsonl] [--realm R] [--dry-run] [--replace never|skip|always]",
	Short: "Imports authenticators that were set up in another system",
	Long:  help("import"),
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = oneWord("file")
		addTransferFlags(cmd)
		cmd.Flags().Bool("dry-run", false, "check the file and import nothing")
		cmd.Flags().String("replace", transfer.ReplaceNever, "what to do with users who have another authenticator: never, skip or always")
		cmd.Flags().Bool("json", false, "print the summary as JSON")
		cmd.RunE = runImport
	},
}

func runImport(cmd *cobra.Command, args []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	query, err := transferQuery(flags)
	if err != nil {
		return wrongInput(cmd, err)
	}
	replace := flags.String("replace")
	if err := transfer.CheckReplace(replace); err != nil {
		return wrongInput(cmd, err)
	}
	query.Set("replace", replace)
	query.Set("dry_run", strconv.FormatBool(flags.Bool("dry-run")))
	srv, err := serverOf(cmd)
	if err != nil {
		return err
	}
	file, source, err := openImport(cmd, args[0])
	if err != nil {
		return wrongInput(cmd, err)
	}
	defer file.Close()
	query.Set("source", source)
	answer, err := srv.send(http.MethodPost, "/two_factor/import?"+query.Encode(), admin.MediaTypes[query.Get("format")], file)
	if err != nil {
		return err
	}
	defer answer.Close()
	summary, err := followImport(answer, cmd.ErrOrStderr(), isTerminal(cmd.ErrOrStderr()))
	if err != nil {
		return err
	}
	return errors.Join(show(cmd, summary, printSummary), failure(cmd, summary))
}

// openImport opens the file, or takes standard input for "-". source is its name in the audit
// log.
func openImport(cmd *cobra.Command, name string) (file io.ReadCloser, source string, err error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), "standard input", nil
	}
	file, err = os.Open(name)
	return file, filepath.Base(name), err
}
