//go:build crash

package lifecycle

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// smallDisk is a file system of 64 MB of its own.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64m,mode=700"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("mounting a small file system, with CI set: %v", err)
		}
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fillDisk writes until nothing fits any more, and returns what makes room again.
func fillDisk(t *testing.T, dir string) (free func()) {
	t.Helper()
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 1<<20); err == nil; {
		_, err = filler.Write(chunk)
	}
	filler.Close()
	return func() {
		if err := os.Remove(filler.Name()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDiskFull (ASVS 16.5): on a full disk no code is judged, because neither success nor failure
// could be saved. Right, wrong and backup codes get a 503 page and clear no user, and health
// reports it. Cleared users continue. With free space again the same codes count, once.
func TestDiskFull(t *testing.T) {
	dir := smallDisk(t)
	h := harness.StartWhole(t, &harness.Legacy{}, whole("storage badger "+filepath.Join(dir, "state"), site("PORT", named)))
	b := h.Browser()
	b.SignIn("alice")
	device := b.Enrol()
	owes := owing(t, h)
	free := fillDisk(t, dir)
	code := device.Code(t)
	for what, code := range map[string]string{"right": code, "wrong": "000000", "backup": device.Backup[0]} {
		if p := owes.Pass(code); p.Status != http.StatusServiceUnavailable || !strings.Contains(p.Body, "<html") {
			t.Errorf("a %s code: %d %q", what, p.Status, p.Location)
		}
		if passes(t, owes, "alice") {
			t.Errorf("a %s code cleared", what)
		}
	}
	if p := h.Browser().Get("/two-factor/health"); p.Status != http.StatusServiceUnavailable {
		t.Errorf("health: %d", p.Status)
	}
	if !passes(t, b, "alice") {
		t.Error("who is cleared does not go on")
	}
	free()
	accepted(t, owes.Pass(code))
	if p := owing(t, h).Pass(code); p.Status == http.StatusSeeOther {
		t.Error("the code counted twice")
	}
	accepted(t, owing(t, h).Pass(device.Backup[0]))
}
