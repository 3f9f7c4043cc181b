//go:build linux && crash

package badger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
)

// TestFullDisk fills a small file system. Without the reserve changes go on for as
// long as the log's last page lasts; then there is a SIGBUS, and no test any more.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m,mode=700"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("mounting a small file system, with CI set: %v", err)
		}
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	d := open(t, dir, Options{})
	t.Cleanup(func() { d.Close() }) // before the file system goes
	fill(t, d, alice)
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 1<<20); err == nil; {
		_, err = filler.Write(chunk)
	}
	filler.Close()
	put := func(tx store.Tx) error { return tx.PutUser(store.User{Key: bob}) }
	for name, err := range map[string]error{
		"Update":     d.Update(t.Context(), bob, put),
		"Check":      d.Check(t.Context()),
		"UpdateMeta": d.UpdateMeta(t.Context(), "x", func([]byte) ([]byte, error) { return []byte("y"), nil }),
	} {
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: error is %v, want ENOSPC", name, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "second"), Options{}); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("opening: error is %v, want ENOSPC", err)
	}
	if _, err := d.User(t.Context(), alice); err != nil {
		t.Errorf("reading: %v", err)
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	if err := d.Update(context.Background(), bob, put); err != nil {
		t.Errorf("with room again: %v", err)
	}
}
