//go:build crash

package operations

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestPromtoolLikesTheMetrics: names, help texts and types pass promtool's check.
func TestPromtoolLikesTheMetrics(t *testing.T) {
	promtool := installed(t, "promtool")
	w := start(t, &harness.Legacy{}, badger)
	w.reload(t, badger, legacy)
	var ours []string
	for _, line := range strings.SplitAfter(w.raw(t), "\n") {
		if strings.Contains(line, "caddy_two_factor_") { // Caddy's own are not ours to judge
			ours = append(ours, line)
		}
	}
	cmd := exec.Command(promtool, "check", "metrics")
	cmd.Stdin = strings.NewReader(strings.Join(ours, ""))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// installed finds a program that ./test/run installs. Without it the test is skipped, and
// fails with CI set.
func installed(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is missing: run ./test/run as root", name)
	}
	t.Skipf("%s is missing: run ./test/run as root", name)
	return ""
}
