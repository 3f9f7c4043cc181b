package harness

import (
	"os"
	"path/filepath"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/records"
)

func init() { caddy.RegisterModule(new(memoryStorage)) }

// memoryStorage is `storage memory DIRECTORY`: a store in memory that is opened again under
// the same directory as long as the process runs.
type memoryStorage struct{ directory }

// engines are the stores' engines by directory, open or closed.
var engines = struct {
	sync.Mutex
	all map[string]*memory.Engine
}{all: make(map[string]*memory.Engine)}

func (*memoryStorage) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "two_factor.storage.memory", New: func() caddy.Module { return new(memoryStorage) }}
}

func (s *memoryStorage) Exists() (bool, error) {
	engines.Lock()
	defer engines.Unlock()
	return engines.all[s.Directory] != nil, nil
}

func (s *memoryStorage) Open(log *zap.Logger) (store.Store, error) {
	if err := os.MkdirAll(s.Directory, 0o700); err != nil {
		return nil, err
	}
	engines.Lock()
	defer engines.Unlock()
	e := memory.New()
	if last := engines.all[s.Directory]; last != nil {
		e = last.Reopen()
	}
	engines.all[s.Directory] = e
	return records.Open(e, records.Options{Logger: log, Clock: clock.Now}), nil
}

// forget drops the store of a directory.
func forget(dir string) {
	engines.Lock()
	defer engines.Unlock()
	delete(engines.all, dir)
}

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

// Every set-up computes ten hashes. Their cost is the matter of internal/factor's tests.
func init() { factor.CheapHashes() }
