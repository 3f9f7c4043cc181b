package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"filippo.io/age"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/admin"
	"github.com/secondgate/secondgate/internal/backup"
)

var backupCommand = caddycmd.Command{
	Name:  "backup",
	Usage: "FILE [--recipient age1… | --passphrase-file FILE] [--json]",
	Short: "Writes an encrypted backup of the running server's store",
	Long:  help("backup"),
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = oneFile("backup FILE, the file to write")
		cmd.Flags().StringArrayP("recipient", "r", nil, "public key that can read the backup, age1…; may be given several times")
		cmd.Flags().String("passphrase-file", "", "file whose first line is the passphrase")
		cmd.Flags().Bool("json", false, "print what was written as JSON")
		serverFlags(cmd)
		cmd.RunE = runBackup
	},
}

// oneFile wants exactly one argument.
func oneFile(want string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%d arguments; want: %s", len(args), want)
		}
		return nil
	}
}

// written is what `backup --json` prints.
type written struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
	backup.Header
}

func runBackup(cmd *cobra.Command, args []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	file := args[0]
	if err := absent(file); err != nil {
		return wrongInput(cmd, err)
	}
	srv, err := serverOf(cmd)
	if err != nil {
		return err
	}
	recipients, _ := cmd.Flags().GetStringArray("recipient")
	to, err := readers(cmd, recipients, flags.String("passphrase-file"))
	if err != nil {
		return wrongInput(cmd, err)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	done, err := fetchBackup(ctx, srv, file, to)
	if err != nil {
		return fmt.Errorf("no backup was made: %w", err)
	}
	return show(cmd, done, printBackup)
}

func printBackup(w io.Writer, done written) error {
	_, err := fmt.Fprintf(w, "%s: %d records of the store %s as it was at %s, %d bytes.\nThe master keys are not in it; to restore it you need: %s.\n",
		done.File, done.Records, done.Store, done.Made.Format(secondFormat), done.Bytes, strings.Join(done.Keys, ", "))
	return err
}

// secondFormat is the format of times in UTC for what is printed of a backup.
const secondFormat = "2006-01-02 15:04:05 UTC"

// readers returns the age recipients of the backup: the public keys of --recipient, or else
// the passphrase from the file or the prompt.
func readers(cmd *cobra.Command, recipients []string, passphraseFile string) ([]age.Recipient, error) {
	if len(recipients) > 0 && passphraseFile != "" {
		return nil, errors.New("--recipient and --passphrase-file: want one of them")
	}
	if len(recipients) > 0 {
		return backup.ParseRecipients(recipients)
	}
	p := prompt{in: cmd.InOrStdin(), out: cmd.ErrOrStderr()}
	text, err := p.passphrase(cmd.Context(), passphraseFile, true)
	if err != nil {
		return nil, err
	}
	to, err := backup.PassphraseRecipient(text)
	if err != nil {
		return nil, err
	}
	return []age.Recipient{to}, nil
}

// fetchBackup writes a backup to file. The server encrypts it to a key pair made for this
// call. This process decrypts and verifies the stream, and encrypts it to the recipients. A
// passphrase therefore never leaves this process, and an incomplete backup is noticed.
func fetchBackup(ctx context.Context, srv endpoint, file string, to []age.Recipient) (done written, err error) {
	us, err := age.GenerateX25519Identity()
	if err != nil {
		return done, err
	}
	out, err := newWhole(file)
	if err != nil {
		return done, err
	}
	defer out.discard()
	in, err := srv.ask(http.MethodPost, "/two_factor/backup", admin.BackupOrder{Recipients: []string{us.Recipient().String()}})
	if err != nil {
		return done, err
	}
	defer in.Close()
	defer context.AfterFunc(ctx, func() { in.Close() })()
	sealed, err := backup.Encrypt(out, to...)
	if err != nil {
		return done, err
	}
	done.File = file
	if done.Header, err = backup.Copy(ctx, sealed, in, us); err != nil {
		return done, cause(ctx, err)
	}
	if err := sealed.Close(); err != nil {
		return done, err
	}
	done.Bytes, err = out.commit()
	return done, err
}

// cause returns the error to show the operator for a backup stream that broke off.
func cause(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted")
	case errors.Is(err, backup.ErrDamaged), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the server broke off; its log says why")
	}
	return err
}
