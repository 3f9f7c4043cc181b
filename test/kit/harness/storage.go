package harness

import (
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
)

// directory is what storages of tests have in common: `storage NAME DIRECTORY`. The directory
// holds the master key.
type directory struct {
	Directory string `json:"directory"`
}

func (s *directory) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if !d.AllArgs(&s.Directory) {
		return d.ArgErr()
	}
	return nil
}

func (s *directory) Key() (string, error) { return s.Directory, nil }

func (s *directory) KeyFile() (string, error) {
	return filepath.Join(s.Directory, "master.key"), nil
}

// RegisterStorage makes `storage NAME DIRECTORY` known: Badger, of which the test gets
// hold as it opens, and that it may wrap.
func RegisterStorage(name string, opened func(*badger.DB) store.Store) {
	caddy.RegisterModule(&testStorage{name: name, opened: opened})
}

type testStorage struct {
	directory
	name   string
	opened func(*badger.DB) store.Store
}

func (s *testStorage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  caddy.ModuleID("two_factor.storage." + s.name),
		New: func() caddy.Module { return &testStorage{name: s.name, opened: s.opened} },
	}
}

func (s *testStorage) Open(log *zap.Logger) (store.Store, error) {
	db, err := badger.Open(filepath.Join(s.Directory, "store"), badger.Options{Logger: log, Clock: clock.Now})
	if err != nil {
		return nil, err
	}
	return s.opened(db), nil
}
