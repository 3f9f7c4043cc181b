package records

import (
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/store/kv"
)

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
