package badger

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

func TestOpenLocked(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, Options{})
	_, err := Open(dir, Options{})
	if !errors.Is(err, store.ErrLocked) {
		t.Fatalf("error is %v, want ErrLocked", err)
	}
	for _, want := range []string{dir, "running server", "validate"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if err := first.Check(t.Context()); err != nil {
		t.Errorf("the first one suffered: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, Options{})
}

func TestOpenMakesPrivateDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	o, logs := logged()
	open(t, dir, o)
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o700 {
		t.Errorf("mode is %o, want 700", mode)
	}
	if n := logs.FilterMessageSnippet("open to other users").Len(); n != 0 {
		t.Error("warned of a private directory")
	}
}

func TestOpenWarnsOfReadableDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	o, logs := logged()
	open(t, dir, o)
	if n := logs.FilterMessageSnippet("open to other users").Len(); n != 1 {
		t.Errorf("warned %d times, want once", n)
	}
}

func TestOpenBelowFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(filepath.Join(file, "store"), Options{})
	if err == nil || !strings.Contains(err.Error(), "making the directory") {
		t.Errorf("error is %v", err)
	}
}

// TestDurableAndSmall guards the options for durability and memory. A mistake in them would show
// only after a power failure or when memory runs out.
func TestDurableAndSmall(t *testing.T) {
	o := openBare(t, t.TempDir()).db.Opts()
	if !o.SyncWrites || !o.DetectConflicts {
		t.Error("writes are not synchronous, or conflicts not detected")
	}
	if o.MemTableSize > 2<<20 || o.NumMemtables > 1 || o.BlockCacheSize > 0 || o.IndexCacheSize > 2<<20 {
		t.Error("buffers are larger than measured")
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	cycle := func() {
		d := open(t, t.TempDir(), Options{})
		if err := d.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	cycle()
	before := runtime.NumGoroutine()
	for range 5 {
		cycle()
	}
	// Badger signals some of its goroutines without waiting for them.
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
