package badger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpenReadOnlyDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		// Root may write everywhere. The thread gives that up for its files, and
		// dies with the goroutine, because it is never unlocked.
		runtime.LockOSThread()
		if os.Geteuid() == 0 {
			os.Chmod(dir, 0o555)
			os.Chmod(filepath.Dir(dir), 0o755)
			unix.SetfsuidRetUid(65534)
		}
		d, err := Open(dir, Options{})
		if err == nil {
			d.Close()
		}
		done <- err
	}()
	err := <-done
	if !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "can't be written") || !strings.Contains(err.Error(), dir) {
		t.Errorf("error is %v", err)
	}
}
