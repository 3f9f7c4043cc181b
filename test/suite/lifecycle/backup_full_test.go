//go:build crash

package lifecycle

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestBackup_DiskFull: without disk space no backup file remains, and the server continues.
func TestBackup_DiskFull(t *testing.T) {
	k := newKeeper(t, badger)
	b := k.Browser()
	b.SignIn("alice")
	b.Enrol()
	dir := smallDisk(t)
	free := fillDisk(t, dir)
	file := filepath.Join(dir, "backup.age")
	if out, err := run(t, "backup", file, "--recipient", k.owner, "--address", k.admin); err == nil || !strings.Contains(err.Error(), "no backup was made") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("%v, %s", err, out)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if !passes(t, b, "alice") {
		t.Error("the server suffered")
	}
	free()
	must(t, "backup", file, "--recipient", k.owner, "--address", k.admin)
	// A restore needs room, too.
	full := fillDisk(t, dir)
	into := filepath.Join(dir, "into")
	_, err := run(t, "restore", file, "--dir", into, "--key-file", filepath.Join(k.Dir, "master.key"), "--identity", k.identity)
	if err == nil || !strings.Contains(err.Error(), "are free for the store") && !strings.Contains(err.Error(), "no space left") {
		t.Errorf("restoring without room: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(into, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	full()
}
