package caddyplugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"filippo.io/age"
	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/keys"
)

var restoreCommand = caddycmd.Command{
	Name:  "restore",
	Usage: "FILE (--config FILE | --dir DIR) [--key-file FILE] [--identity FILE | --passphrase-file FILE] [--keep-backup-codes] [--json]",
	Short: "Makes a store of a backup, for a server that is stopped",
	Long: `
Makes the store that the configuration names, or the one in --dir, out of a backup.
Nothing may be there yet but the master keys, which are not in the backup: put the key
file in its place first. The whole backup is read and checked before the store appears;
if anything is wrong with it or with the keys, nothing is changed.

What was spent since the backup can't be known, so nothing is accepted that may have
been: codes of authenticator apps count again from the next but one on (a minute), all
sessions have ended, recovery codes of staff and codes by e-mail are void, and so are
all backup codes; customers are told on their settings page to make new ones.
--keep-backup-codes lets the backup codes count that were unused in the backup, even
those that were used since.

The backup is opened with the private key in --identity (as age-keygen writes it), or
with a passphrase: the first line of a file, or asked for.`,
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
		f.BoolVar(&r.keep, "keep-backup-codes", false, "let backup codes count that may have been used since")
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
	app, err := r.app()
	if err != nil {
		return wrongInput(cmd, err)
	}
	log := zap.NewNop()
	target, dir, err := app.aside(log)
	if err != nil {
		return fmt.Errorf("nothing was restored: %w", err)
	}
	defer target.Discard()
	ring, err := app.existingKeys()
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

// app is the configuration's, or one for the directory; nothing of it is open.
func (r restore) app() (*App, error) {
	switch {
	case (r.config == "") == (r.dir == ""):
		return nil, errors.New("where to? want --config FILE, whose storage and keys are taken, or --dir DIR")
	case r.dir != "":
		dir, err := filepath.Abs(r.dir)
		if err != nil {
			return nil, err
		}
		return r.withKeys(&App{storage: &Badger{Directory: dir}})
	}
	config, err := readConfig(r.config, r.adapter)
	if err != nil {
		return nil, err
	}
	app := member(member(config, "apps"), "two_factor")
	if app == nil && len(findSites(config)) == 0 {
		return nil, fmt.Errorf("%s has no two_factor: name the configuration whose store is to be restored", r.config)
	}
	named, err := appOf(app)
	if err != nil {
		return nil, err
	}
	return r.withKeys(named)
}

// appOf is the app with these settings, with its storage module.
func appOf(settings object) (*App, error) {
	raw, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	app := new(App)
	if err := json.Unmarshal(raw, app); err != nil {
		return nil, fmt.Errorf("the settings of two_factor can't be read: %w", err)
	}
	return app, app.loadStorage()
}

// withKeys is the app with the keys of --key-file: those that the configuration names may
// be there only while the server runs, as systemd's credentials are.
func (r restore) withKeys(app *App) (*App, error) {
	if r.keyFile == "" {
		return app, nil
	}
	file, err := filepath.Abs(r.keyFile)
	if err != nil {
		return nil, err
	}
	app.Key = "{file." + file + "}"
	return app, nil
}

// loadStorage makes the storage module, which opens nothing.
func (a *App) loadStorage() error {
	if a.StorageRaw == nil {
		a.StorageRaw = json.RawMessage(`{"engine":"badger"}`)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	mod, err := ctx.LoadModule(a, "StorageRaw")
	if err != nil {
		return fmt.Errorf("loading the storage engine: %w", err)
	}
	a.storage = mod.(Storage)
	return nil
}

// aside prepares the restoring of the app's store.
func (a *App) aside(log *zap.Logger) (backup.Target, string, error) {
	storage, ok := a.storage.(Restorer)
	if !ok {
		return nil, "", fmt.Errorf("the storage engine %s can't be restored into", engineName(a.storage))
	}
	return storage.Aside(log)
}

// existingKeys reads the master keys and makes none.
func (a *App) existingKeys() (*keys.Ring, error) {
	if a.Key == "" {
		file, err := a.storage.KeyFile()
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("the master keys are not there (%w): they are not in the backup; put the key file that belongs to it there first", err)
		}
	}
	ring, _, err := a.readKeys(context.Background())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; if it is there only while the server runs, name the file with --key-file", err)
	}
	return ring, err
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
	if err != nil { // age's error may show the line
		return nil, fmt.Errorf("%s has no private key that can be read: want a line AGE-SECRET-KEY-1…, as age-keygen writes it", r.identity)
	}
	return all, nil
}

func (r restore) say(cmd *cobra.Command, done restored) error {
	if r.keep {
		fmt.Fprintln(cmd.ErrOrStderr(), "WARNING: backup codes that were used since the backup was made count once more.")
	}
	if done.Damaged > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "WARNING: %d users could not be read even when the backup was made; they are refused. Reset their factors, or restore an older backup.\n", done.Damaged)
	}
	if r.json {
		return printJSON(cmd.OutOrStdout(), done)
	}
	codes := "Backup codes are void; customers are told on their settings page to make new ones."
	if r.keep {
		codes = "Backup codes are those of the backup."
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: restored as it was at %s: %d users, %d records.\n%d sessions have ended. %s\nCodes of authenticator apps count again from the next but one on.\n",
		done.Directory, done.Made.Format("2006-01-02 15:04:05 UTC"), done.Users, done.Records, done.SessionsEnded, codes)
	return err
}
