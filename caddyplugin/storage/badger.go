package storage

import (
	"context"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/directive"
	"github.com/secondgate/secondgate/internal/disk"
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

// badgerRows document the block of `storage badger`.
var badgerRows = directive.Rows{
	{Field: "MustExist", Usage: "must_exist", Otherwise: "not refused",
		Doc: "Refuses to start if there is no store."},
}

// Key returns the absolute directory. Only one process can have the store there open.
func (b *Badger) Key() (string, error) {
	if b.Directory == "" {
		return filepath.Abs(filepath.Join(caddy.AppDataDir(), "two_factor"))
	}
	dir, err := caddy.NewReplacer().ReplaceOrErr(b.Directory, true, true)
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}

// KeyFile returns the path of master.key in the directory.
func (b *Badger) KeyFile() (string, error) { return b.path("master.key") }

// path returns the path of a file or directory in the directory.
func (b *Badger) path(name string) (string, error) {
	dir, err := b.Key()
	return filepath.Join(dir, name), err
}

// Open opens the store.
func (b *Badger) Open(log *zap.Logger) (store.Store, error) {
	dir, err := b.path("store")
	if err != nil {
		return nil, err
	}
	return badger.Open(dir, options(log))
}

func options(log *zap.Logger) badger.Options { return badger.Options{Logger: log, Clock: clock.Now} }

// Space returns how many bytes the directory uses on the disk, and how many are free.
func (b *Badger) Space() (used, free uint64, err error) {
	dir, err := b.Key()
	if err != nil {
		return 0, 0, err
	}
	if used, err = disk.Used(dir); err != nil {
		return 0, 0, err
	}
	free, err = badger.FreeSpace(dir)
	return used, free, err
}

// Exists implements server.Existing.
func (b *Badger) Exists() (bool, error) {
	dir, err := b.path("store")
	if err != nil {
		return false, err
	}
	return badger.Exists(dir)
}

// Expected implements server.Expected.
func (b *Badger) Expected() bool { return b.MustExist }

// Examine implements Examiner.
func (b *Badger) Examine(ctx context.Context, log *zap.Logger, fn func(st store.Store) error) (Examined, error) {
	dir, err := b.path("store")
	if err != nil {
		return Examined{}, err
	}
	found, err := badger.Examine(ctx, dir, options(log), fn)
	return Examined(found), err
}

// Aside implements Restorer.
func (b *Badger) Aside(log *zap.Logger) (target backup.Target, place string, err error) {
	if place, err = b.Key(); err != nil {
		return nil, "", err
	}
	target, err = badger.NewAside(filepath.Join(place, "store"), options(log))
	return target, place, err
}

var (
	_ server.Storage  = (*Badger)(nil)
	_ server.Existing = (*Badger)(nil)
	_ Examiner        = (*Badger)(nil)
	_ Restorer        = (*Badger)(nil)
)
