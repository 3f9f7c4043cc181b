//go:build crash

package operations

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/program"
)

// TestRecovery: the recovery drill of the page works, with the documented output.
func TestRecovery(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "secondgate")
	if err := program.Build(binary); err != nil {
		t.Fatal(err)
	}
	rehearsal := exec.Command("./recovery.sh", binary)
	var said bytes.Buffer
	rehearsal.Stderr = &said
	out, err := rehearsal.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, &said)
	}
	page, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "# The machine that is going to be lost")
	shown, _, _ = strings.Cut("# The machine that is going to be lost"+shown, "```")
	if got, want := timeless(string(out)), timeless(shown); got != want {
		t.Errorf("the rehearsal says\n%s\nand the page\n%s", got, want)
	}
}

// varying is what differs from one drill to the next: times, ids, ports, sizes.
var varying = regexp.MustCompile(`/tmp/tmp\.\w+/|127\.0\.0\.1:\d+|\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?|\b[0-9a-f]{8,}\b|\d+ bytes|\d+ records|[^\S\n]+`)

// timeless removes the times from the drill's output.
func timeless(said string) string {
	return strings.TrimSpace(varying.ReplaceAllStringFunc(said, func(s string) string {
		if strings.TrimSpace(s) == "" {
			return " "
		}
		return ""
	}))
}
