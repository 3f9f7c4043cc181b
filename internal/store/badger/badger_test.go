package badger

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Open {
		dir := t.TempDir()
		return func(t *testing.T, clock func() time.Time) store.Store {
			return open(t, dir, Options{Clock: clock})
		}
	})
}

func open(t testing.TB, dir string, o Options) *DB {
	t.Helper()
	d, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// logged returns options whose log can be read.
func logged() (Options, *observer.ObservedLogs) {
	core, logs := observer.New(zap.DebugLevel)
	return Options{Logger: zap.New(core)}, logs
}
