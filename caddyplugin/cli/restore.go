package cli

import (
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

	"github.com/secondgate/secondgate/caddyplugin/storage"
	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/clock"
)

var restoreCommand = caddycmd.Command{
	Name:  "restore",
	Usage: "FILE (--config FILE | --dir DIR) [--key-file FILE] [--identity FILE | --passphrase-file FILE] [--keep-backup-codes] [--json]",
	Short: "Restores a store from a backup, for a server that is stopped",
	Long:  help("restore"),
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
		f.Bool("json", false, "print what was restored as JSON")
		cmd.RunE = func(cmd *cobra.Command, args []string) error { return r.run(cmd, args[0]) }
	},
}

// restore is the command with its flags.
type restore struct {
	config, adapter, dir, keyFile, identity, passphraseFile string
	keep                                                    bool
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
	var done backup.Restored
	b, err := backup.Open(in, with...)
	if err == nil {
		done, err = backup.Restore(ctx, target, b, backup.Options{Ring: ring, KeepBackupCodes: r.keep, Logger: log, Clock: clock.Now})
	}
	if err != nil {
		return fmt.Errorf("%s: nothing was restored: %w", file, err)
	}
	return r.say(cmd, restored{done.Header, dir, done.Users, done.Damaged, done.Ended, r.keep})
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
		return settingsOf(object{"storage": storage.InDirectory(dir)}, r.keyFile)
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

// aside creates the store to restore into; see storage.Restorer.
func (s *storeSettings) aside(log *zap.Logger) (backup.Target, string, error) {
	engine, ok := s.storage.(storage.Restorer)
	if !ok {
		return nil, "", fmt.Errorf("the storage engine %s can't be restored into", s.engine)
	}
	return engine.Aside(log)
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
	return show(cmd, done, printRestored)
}

func printRestored(w io.Writer, done restored) error {
	codes := "Backup codes are no longer valid; the settings page tells customers to generate new ones."
	if done.KeptBackupCodes {
		codes = "Backup codes are those of the backup."
	}
	_, err := fmt.Fprintf(w, "%s: restored as it was at %s: %d users, %d records.\n%d sessions have ended. %s\nCodes of authenticator apps are accepted from the next but one on.\n",
		done.Directory, done.Made.Format(secondFormat), done.Users, done.Records, done.SessionsEnded, codes)
	return err
}
