package badger

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/store/kv"
	"github.com/secondgate/secondgate/internal/store/kv/kvtest"
)

func TestEngine(t *testing.T) { kvtest.Run(t, place) }

func TestEngine_Optimistic(t *testing.T) { kvtest.RunOptimistic(t, place) }

func place(t *testing.T) kvtest.Open {
	dir := t.TempDir()
	return func(t *testing.T) kv.Engine { return openBare(t, dir) }
}

// openBare opens the engine without the store on it.
func openBare(t testing.TB, dir string) *Engine {
	t.Helper()
	e, err := openEngine(dir, nil, engineOptions(dir, nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
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

// logged returns options with a log that tests can read.
func logged() (Options, *observer.ObservedLogs) {
	core, logs := observer.New(zap.DebugLevel)
	return Options{Logger: zap.New(core)}, logs
}

// TestUnknownCommit: where Badger can't write its log, an Update does not say that nothing was
// written.
func TestUnknownCommit(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	e := openBare(t, dir)
	// No file can be made any more, as the next one of the value log.
	moved := dir + ".moved"
	if err := errors.Join(os.Rename(dir, moved), os.WriteFile(dir, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(os.Remove(dir), os.Rename(moved, dir)); err != nil {
			t.Error(err)
		}
	}()
	for i := range 40 {
		err := e.Update(t.Context(), "", func(tx kv.Tx) error {
			tx.Set(kv.Record{Key: []byte{byte(i)}, Value: make([]byte, kv.MaxValue/2)})
			return nil
		})
		if errors.Is(err, kv.ErrUnknown) {
			return
		}
		if err != nil {
			t.Fatalf("error is %v, want %v", err, kv.ErrUnknown)
		}
	}
	t.Error("no commit failed: this test breaks the wrong thing")
}
