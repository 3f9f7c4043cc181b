package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"filippo.io/age"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/clock"
)

var restoreCommand = caddycmd.Command{
	Name:  "restore",
	Usage: "FILE (--config FILE | --dir DIR) [--key-file FILE] [--identity FILE | --passphrase-file FILE] [--keep-backup-codes] [--json]",
	Short: "Restores a store from a backup, for a server that is stopped",
	Long: `
Restores the store that the configuration names, or the one in --dir, from a backup. The
directory must be empty except for the master keys. The backup does not contain these:
put the key file there first. The whole backup is read and verified before the store is
created. If the backup or the keys are wrong, nothing is changed.

Which codes were used since the backup is unknown. No code that may have been used is
accepted: codes of authenticator apps are accepted from the next but one on (after about
a minute), all sessions have ended, and backup codes, recovery codes and codes by e-mail
are no longer valid. The settings page tells customers to generate new backup codes. With
--keep-backup-codes, all backup codes that were unused in the backup are valid, even if
they were used since.

The backup is decrypted with the private key in the file --identity (as age-keygen writes
it), or with a passphrase, which is the first line of a file or is asked for.`,
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = oneFile("restore FILE, a file that backup wrote")
		var r restore
		f := cmd.Flags()
		f.StringVarP(&r.config, "config", "c", "", "configuration that names the store and the master keys")
		f.StringVarP(&r.adapter, "adapter", "a", "", "adapter for that file, if it is no Caddyfile")
		f.StringVar(&r.dir, "dir", "", "directory to restore into, as that of storage badger in the Caddyfile")
		f.StringVar(&r.keyFile, "key-file", "", "file with the master keys (default: as the configuration says, or master.key in --dir)")
		f.StringVarP(&r.identity, "identity", "i", "", "file with the private key, AGE-SECRET-KEY-1…")
		f.StringVar(&r.passphraseFile, "passphrase-file", "", "file whose first line is the passphrase")
		f.BoolVar(&r.keep, "keep-backup-codes", false, "accept backup codes that may have been used since the backup")
		f.BoolVar(&r.json, "json", false, "print what was restored as JSON")
		cmd.RunE = func(cmd *cobra.Command, args []string) error { return r.run(cmd, args[0]) }
	},
}

// restore is the command with its flags.
type restore struct {
	config, adapter, dir, keyFile, identity, passphraseFile string
	keep, json                                              bool
}

// restored is what `restore --json` prints.
type restored struct {
	backup.Header
	Directory       string `json:"directory"`
	Users           int    `json:"users"`
	Damaged         int    `json:"damaged"`
	SessionsEnded   int    `json:"sessions_ended"`
	KeptBackupCodes bool   `json:"kept_backup_codes"`
}

func (r restore) run(cmd *cobra.Command, file string) error {
	settings, err := r.settings()
	if err != nil {
		return wrongInput(cmd, err)
	}
	log := zap.NewNop()
	target, dir, err := settings.aside(log)
	if err != nil {
		return fmt.Errorf("nothing was restored: %w", err)
	}
	defer target.Discard()
	ring, err := settings.existingKeys()
	if err != nil {
		return fmt.Errorf("nothing was restored: %w", err)
	}
	in, err := os.Open(file)
	if err != nil {
		return wrongInput(cmd, fmt.Errorf("the backup can't be read: %w", err))
	}
	defer in.Close()
	with, err := r.identities(cmd)
	if err != nil {
		return wrongInput(cmd, err)
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	done, err := r.restore(ctx, target, in, with, backup.Options{
		Ring: ring, KeepBackupCodes: r.keep, Logger: log, Clock: clock.Now,
	})
	if err != nil {
		return fmt.Errorf("%s: nothing was restored: %w", file, err)
	}
	return r.say(cmd, restored{done.Header, dir, done.Users, done.Damaged, done.Ended, r.keep})
}

func (r restore) restore(ctx context.Context, to backup.Target, in io.Reader, with []age.Identity, o backup.Options) (backup.Restored, error) {
	b, err := backup.Open(in, with...)
	if err != nil {
		return backup.Restored{}, err
	}
	return backup.Restore(ctx, to, b, o)
}

// settings returns the store and the keys to restore with: those of the configuration, or
// those in the directory of --dir.
func (r restore) settings() (*storeSettings, error) {
	switch {
	case (r.config == "") == (r.dir == ""):
		return nil, errors.New("no directory to restore into; want --config FILE, which names storage and keys, or --dir DIR")
	case r.dir != "":
		dir, err := filepath.Abs(r.dir)
		if err != nil {
			return nil, err
		}
		return settingsOf(object{"storage": object{"engine": "badger", "directory": dir}}, r.keyFile)
	}
	config, err := readConfig(r.config, r.adapter)
	if err != nil {
		return nil, err
	}
	app := member(member(config, "apps"), "two_factor")
	if app == nil && len(findSites(config)) == 0 {
		return nil, fmt.Errorf("%s has no two_factor: name the configuration of the store that is to be restored", r.config)
	}
	return settingsOf(app, r.keyFile)
}

// restorer is implemented by storage engines that a backup can be restored into.
type restorer interface {
	// Aside creates a store beside the final place, and returns that place. The store is
	// moved there when it is complete. Aside returns an error if a store is there already.
	Aside(log *zap.Logger) (target backup.Target, place string, err error)
}

// aside calls Aside of the storage engine.
func (s *storeSettings) aside(log *zap.Logger) (backup.Target, string, error) {
	storage, ok := s.storage.(restorer)
	if !ok {
		return nil, "", fmt.Errorf("the storage engine %s can't be restored into", s.engine)
	}
	return storage.Aside(log)
}

func (r restore) identities(cmd *cobra.Command) ([]age.Identity, error) {
	if r.identity != "" && r.passphraseFile != "" {
		return nil, errors.New("--identity and --passphrase-file: want one of them")
	}
	if r.identity == "" {
		p := prompt{in: cmd.InOrStdin(), out: cmd.ErrOrStderr()}
		text, err := p.passphrase(cmd.Context(), r.passphraseFile, false)
		if err != nil {
			return nil, err
		}
		one, err := backup.PassphraseIdentity(text)
		return []age.Identity{one}, err
	}
	f, err := os.Open(r.identity)
	if err != nil {
		return nil, fmt.Errorf("the private key can't be read: %w", err)
	}
	defer f.Close()
	all, err := age.ParseIdentities(f)
	if err != nil { // age's error may contain the line, which may be a private key
		return nil, fmt.Errorf("%s has no private key that can be read: want a line AGE-SECRET-KEY-1…, as age-keygen writes it", r.identity)
	}
	return all, nil
}

func (r restore) say(cmd *cobra.Command, done restored) error {
	if r.keep {
		fmt.Fprintln(cmd.ErrOrStderr(), "WARNING: backup codes that were used since the backup was made are valid again.")
	}
	if done.Damaged > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "WARNING: %d users could not be read even when the backup was made; they are refused. Reset their factors, or restore an older backup.\n", done.Damaged)
	}
	if r.json {
		return printJSON(cmd.OutOrStdout(), done)
	}
	codes := "Backup codes are no longer valid; the settings page tells customers to generate new ones."
	if r.keep {
		codes = "Backup codes are those of the backup."
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: restored as it was at %s: %d users, %d records.\n%d sessions have ended. %s\nCodes of authenticator apps are accepted from the next but one on.\n",
		done.Directory, done.Made.Format("2006-01-02 15:04:05 UTC"), done.Users, done.Records, done.SessionsEnded, codes)
	return err
}
