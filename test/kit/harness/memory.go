package harness

import (
	"os"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/store"
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
