//go:build crash

package portalkinds

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	onboard "github.com/secondgate/secondgate/internal/onboard/check"
	build "github.com/secondgate/secondgate/test/kit/program"
)

// program builds the program once.
func program(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "secondgate")
	if err := build.Build(binary); err != nil {
		t.Fatal(err)
	}
	return binary
}

// run runs it, as a script would.
func run(t *testing.T, binary, dir string, input []string, args ...string) (out, errs string, status int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir = dir
	// State that the program writes without being told would be written here.
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir, "TMPDIR="+dir)
	cmd.Stdin = strings.NewReader(strings.Join(input, "\n") + "\n")
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return o.String(), e.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return o.String(), e.String(), 0
}

// TestTheProgramEndsWithItsStatus runs both names of the command in the Caddyfile's directory and
// checks what scripts see: the exit status, the table, and no other file.
func TestTheProgramEndsWithItsStatus(t *testing.T) {
	t.Parallel()
	binary, address := program(t), new(shop).start(t)
	wrong := []string{"ada", "not the password of ada"}
	for name, c := range map[string]struct {
		lines  string
		input  []string
		status int
	}{
		"all right":        {shopLines + shopSignIn, adaAndBen, 0},
		"something failed": {strings.Replace(shopLines, "redirect */login*", "status 401", 1) + shopSignIn, adaAndBen, 1},
		"no rehearsal":     {shopLines + shopSignIn, wrong, 2},
	} {
		for _, args := range [][]string{{"check", "--json"}, {"two-factor", "check", "--json"}} {
			t.Run(name+" "+strings.Join(args, " "), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "Caddyfile"), fmt.Appendf(nil, site, c.lines, address), 0o600); err != nil {
					t.Fatal(err)
				}
				out, errs, status := run(t, binary, dir, c.input, args...)
				if status != c.status {
					t.Errorf("status %d\n%s%s", status, out, errs)
				}
				if status == 2 {
					if out != "" || strings.Count(errs, "\n") != 1 {
						t.Errorf("said %q and %q", out, errs)
					}
				} else if r := readPage(t, out); errs != "" || r.Failed() != (status == 1) || len(r.Rows) < 20 {
					t.Errorf("on standard error %q; %d lines", errs, len(r.Rows))
				}
				if left := files(t, dir); !slices.Equal(left, []string{"Caddyfile", "caddy/instance.uuid"}) {
					t.Errorf("left behind: %v", left)
				}
			})
		}
	}
}

// files are those below a directory. Caddy itself notes a name for the machine.
func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func readPage(t *testing.T, out string) (r onboard.Report) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}
