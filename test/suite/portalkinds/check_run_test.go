package portalkinds

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/demoportal"
	onboard "github.com/secondgate/secondgate/internal/onboard/check"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// result is what the command said and ended with.
type result struct {
	out, err string
	status   int
}

// check runs the command on a Caddyfile, with these lines on its standard input.
func check(t *testing.T, caddyfile string, input []string, flags ...string) result {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	temporary := t.TempDir()
	said := harness.Command(t, temporary, input, "check", append([]string{"--config", file}, flags...)...)
	if left, _ := os.ReadDir(temporary); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	r := result{said.Out, said.Err, said.Status}
	for i, secret := range input {
		if i%2 == 0 {
			continue
		}
		if len(secret) > 6 && strings.Contains(r.out+r.err, secret) {
			t.Errorf("a password is shown:\n%s%s", r.out, r.err)
		}
	}
	return r
}

// allOK fails the test unless every line is ok and the exit status agrees.
func (r result) allOK(t *testing.T) {
	t.Helper()
	for line := range strings.Lines(r.out) {
		if !strings.HasPrefix(line, "ok ") && !strings.Contains(line, "→") {
			t.Errorf("line: %s", line)
		}
	}
	if n := strings.Count(r.out, "\n"); r.status != 0 || n < 23 {
		t.Errorf("status %d, %d lines\n%s%s", r.status, n, r.out, r.err)
	}
}

// fails demands that this line failed, and that saw and remedy are in it.
func (r result) fails(t *testing.T, row, saw, remedy string) {
	t.Helper()
	found := rowOf(r.out, row)
	if r.status != 1 || !strings.HasPrefix(found, string(onboard.Failed)) || !strings.Contains(found, saw) || !strings.Contains(found, remedy) {
		t.Errorf("status %d; the line %q is %q; want %q and %q in it\n%s%s", r.status, row, found, saw, remedy, r.out, r.err)
	}
}

// rowOf is a line of the table with the remedy below it.
func rowOf(out, row string) string {
	lines := strings.Split(out, "\n")
	for i, l := range lines {
		if !strings.Contains(l, "  "+row+"  ") {
			continue
		}
		if i+1 < len(lines) && strings.Contains(lines[i+1], "→ ") {
			return l + lines[i+1]
		}
		return l
	}
	return ""
}

// demo starts the demo portal and gives its address and its customers' lines.
func demo(t *testing.T) (address string, input []string) {
	t.Helper()
	s, err := demoportal.Start(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range demoportal.Customers()[:2] {
		input = append(input, c.Name, c.Password)
	}
	return strings.TrimPrefix(s.URL, "http://"), input
}

// site is a Caddyfile with one site, with names and ports that no other test may use.
const site = `https://portal.example.com {
	two_factor {
%s
	}
	reverse_proxy %s
}
`

// open demands that a door that the gate shuts was open at the portal.
func (r result) open(t *testing.T, row, where string) {
	t.Helper()
	if line := rowOf(r.out, row); !strings.Contains(line, "at the portal itself it is open ("+where+")") {
		t.Errorf("the line %q is %q", row, line)
	}
}
