package records

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
	"github.com/secondgate/secondgate/internal/store/memory"
	"github.com/secondgate/secondgate/internal/store/storetest"
)

// TestStore runs the suite on the in-memory engine; package badger runs it on Badger.
func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Open {
		engine := memory.New()
		return func(t *testing.T, clock func() time.Time) store.Store {
			engine = engine.Reopen()
			return open(t, engine, Options{Clock: clock})
		}
	})
}

func open(t testing.TB, engine kv.Engine, o Options) *DB {
	t.Helper()
	d := Open(engine, o)
	t.Cleanup(func() { d.Close() })
	return d
}

// logged returns options with a log that can be read.
func logged() (Options, *observer.ObservedLogs) {
	core, logs := observer.New(zap.DebugLevel)
	return Options{Logger: zap.New(core)}, logs
}
