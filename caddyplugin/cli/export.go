package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/admin"
)

var exportCommand = caddycmd.Command{
	Name:  "export",
	Usage: "--reason TEXT [--output FILE] [--format csv|jsonl] [--realm R]",
	Short: "Exports the secrets of all authenticators, for moving to another system",
	Long: `
Writes a line for each user of a realm who has a second factor, with the secret of the
authenticator in clear text. WITH THIS FILE ANYONE CAN COMPUTE THE CODES OF ALL USERS. It
is written to --output, a new file that only you can read, or to standard output. It is
written to a terminal only with --force. To encrypt it, send it to another program:

    secondgate users export --reason "moving to …" | age -r RECIPIENT > users.csv.age

Backup codes are stored as hashes only. The export contains the hashes, so the codes
remain valid after an import into the same realm. In any other realm customers need new
ones.

It asks the running server. The audit log records it with your name and reason.
--config finds the server's admin endpoint in a Caddyfile, --address names it.`,
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.NoArgs
		addTransferFlags(cmd)
		cmd.Flags().StringP("output", "o", "", "file to write, which must not exist")
		cmd.Flags().Bool("force", false, "write secrets to a terminal")
		cmd.RunE = runExport
	},
}

var (
	errToTerminal = errors.New("an export holds secrets, and standard output is a terminal: name a file with --output, or say --force")
	errBrokeOff   = errors.New("the export broke off and is not whole; the server's log says why")
)

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
	file, err := newPrivate(output)
	if err != nil {
		return wrongInput(cmd, err)
	}
	defer file.drop()
	answer, err := srv.send(http.MethodPost, "/two_factor/export?"+query.Encode(), admin.MediaTypes[query.Get("format")], nil)
	if err != nil {
		return refused(cmd, err)
	}
	defer answer.Close()
	if output == "" {
		if _, err := io.Copy(cmd.OutOrStdout(), answer); err != nil {
			return errors.Join(errBrokeOff, err)
		}
		return nil
	}
	if _, err := io.Copy(file.f, answer); err != nil {
		return errors.Join(errBrokeOff, err)
	}
	if err := file.keep(); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is written. WITH THIS FILE ANYONE CAN COMPUTE THE CODES OF ALL USERS: encrypt it, and delete it after the import.\n", output) //nolint:errcheck // the file is there
	return nil
}

// private is a file with mode 0600 under a temporary name. keep gives it its final name, so
// that an incomplete export never has that name. It is empty for standard output.
type private struct {
	f    *os.File
	name string
}

// newPrivate creates the temporary file in the directory of name. If name is "", it creates
// none.
func newPrivate(name string) (*private, error) {
	if name == "" {
		return &private{}, nil
	}
	if _, err := os.Lstat(name); err == nil {
		return nil, fmt.Errorf("%s exists: name another file, or remove it", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".export-*") // 0600
	if err != nil {
		return nil, fmt.Errorf("making the file: %w", err)
	}
	return &private{f: f, name: name}, nil
}

// keep syncs the file and gives it its final name. It uses a hard link, which never replaces
// an existing file, or a rename if the file system has no hard links.
func (p *private) keep() error {
	if err := errors.Join(p.f.Sync(), p.f.Close()); err != nil {
		return err
	}
	err := os.Link(p.f.Name(), p.name)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	return os.Rename(p.f.Name(), p.name)
}

// drop removes the temporary name. After keep the file remains under its final name.
func (p *private) drop() {
	if p.f != nil {
		p.f.Close()
		os.Remove(p.f.Name())
	}
}
