package caddyplugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
)

func init() { caddy.RegisterModule(Badger{}) }

// Badger is the storage engine `badger`: a directory on this machine, for one server.
type Badger struct {
	// Directory has the store and, unless `key` names another place, the master keys.
	// Placeholders such as {env.STATE_DIRECTORY} are resolved at start. Default: two_factor/ in
	// Caddy's data directory.
	Directory string `json:"directory,omitempty"`
	// MustExist refuses a start that finds no store. Without it, a lost store is only noticed
	// by the witness in Caddy's own storage, which may be lost together with the store.
	MustExist bool `json:"must_exist,omitempty"`
}

// CaddyModule returns the module's information.
func (Badger) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "two_factor.storage.badger", New: func() caddy.Module { return new(Badger) }}
}

// UnmarshalCaddyfile reads `badger [DIR]`, with must_exist in a block or none.
func (b *Badger) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		b.Directory = d.Val()
	}
	if d.NextArg() {
		return d.Errf("storage badger: unexpected %q; want: storage badger [DIR]", d.Val())
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() != "must_exist" || b.MustExist || d.CountRemainingArgs() > 0 {
			return d.Errf("storage badger: unexpected %q; known in its block: must_exist, once and alone", d.Val())
		}
		b.MustExist = true
	}
	return nil
}

func (b *Badger) dir() (string, error) {
	if b.Directory == "" {
		return filepath.Abs(filepath.Join(caddy.AppDataDir(), "two_factor"))
	}
	dir, err := caddy.NewReplacer().ReplaceOrErr(b.Directory, true, true)
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}

// Key returns the absolute directory. Only one process can have the store there open.
func (b *Badger) Key() (string, error) { return b.dir() }

// KeyFile returns the path of master.key in the directory.
func (b *Badger) KeyFile() (string, error) {
	dir, err := b.dir()
	return filepath.Join(dir, "master.key"), err
}

// Open opens the store.
func (b *Badger) Open(log *zap.Logger) (store.Store, error) {
	dir, err := b.dir()
	if err != nil {
		return nil, err
	}
	return badger.Open(filepath.Join(dir, "store"), badger.Options{Logger: log, Clock: clock.Now})
}

// Space returns how many bytes the directory uses on the disk, and how many are free.
func (b *Badger) Space() (used, free uint64, err error) {
	dir, err := b.dir()
	if err != nil {
		return 0, 0, err
	}
	n, err := size(dir)
	if err != nil {
		return 0, 0, err
	}
	free, err = badger.FreeSpace(dir)
	return uint64(n), free, err
}

// Exists implements server.Existing.
func (b *Badger) Exists() (bool, error) {
	dir, err := b.dir()
	if err != nil {
		return false, err
	}
	return badger.Exists(filepath.Join(dir, "store"))
}

// Expected implements server.Expected.
func (b *Badger) Expected() bool { return b.MustExist }

// Examine calls fn with an opened copy of the store; see badger.Examine. The command doctor
// uses it.
func (b *Badger) Examine(ctx context.Context, log *zap.Logger, fn func(st store.Store) error) (badger.Examined, error) {
	dir, err := b.dir()
	if err != nil {
		return badger.Examined{}, err
	}
	return badger.Examine(ctx, filepath.Join(dir, "store"), badger.Options{Logger: log, Clock: clock.Now}, fn)
}

// Aside creates a store beside the final place, and returns that place. The command restore
// fills it, and it is moved to its place when it is complete. Aside returns an error if a store
// is there already.
func (b *Badger) Aside(log *zap.Logger) (backup.Target, string, error) {
	dir, err := b.dir()
	if err != nil {
		return nil, "", err
	}
	aside, err := badger.NewAside(filepath.Join(dir, "store"), badger.Options{Logger: log, Clock: clock.Now})
	if err != nil {
		return nil, dir, err
	}
	return aside, dir, nil
}

var (
	_ server.Storage  = (*Badger)(nil)
	_ server.Existing = (*Badger)(nil)
)

// size returns how many bytes the files below a directory use on the disk. That may be less
// than their lengths, because the database's logs are sparse. A file that the database removes
// meanwhile is not counted.
func size(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			bytes += room(info)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("looking at the store's files: %w", err)
	}
	return bytes, nil
}
