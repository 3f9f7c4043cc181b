//go:build crash

package operations

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// analyze runs systemd-analyze on the unit, with the path of an existing program in it.
func analyze(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("systemd-analyze is not there: Debian has it in the package systemd")
		}
		t.Skip("systemd-analyze is not there")
	}
	raw, err := os.ReadFile(unit)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "secondgate.service")
	text := strings.ReplaceAll(string(raw), "/usr/local/bin/secondgate", "/bin/true")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("systemd-analyze", append(args, file)...)
	cmd.Env = append(os.Environ(), "SYSTEMD_COLORS=0", "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// TestUnit: systemd finds nothing wrong with the unit.
func TestUnit(t *testing.T) {
	if out := analyze(t, "verify"); strings.TrimSpace(out) != "" {
		t.Errorf("systemd-analyze verify says:\n%s", out)
	}
}

// TestUnitIsHardened: the exposure that systemd computes is that of the page.
func TestUnitIsHardened(t *testing.T) {
	out := analyze(t, "security", "--offline=true")
	found := regexp.MustCompile(`Overall exposure level for secondgate.service: ([0-9.]+) OK`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("no verdict:\n%s", out)
	}
	page, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	level, err := strconv.ParseFloat(found[1], 64)
	if err != nil || level > 1.5 || !strings.Contains(string(page), "Overall exposure level for secondgate.service: 1.4 OK") {
		t.Errorf("the unit's exposure is %s; the page must say so, and at most 1.5 is wanted", found[1])
	}
}
