package defences

import (
	"encoding/json"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func list(t *testing.T) []Defence {
	t.Helper()
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestListIsTrue: every line applies to the source, and names a test that exists.
func TestListIsTrue(t *testing.T) {
	seen := make(map[string]bool)
	for _, d := range list(t) {
		if name := d.File + d.Name; d.Name == "" || seen[name] {
			t.Errorf("%s: a defence without a name, or with the name of another one", d.At)
		} else {
			seen[name] = true
		}
		if _, err := withoutDefence(d); err != nil {
			t.Errorf("%s: %s: %v", d.At, d.File, err)
		}
		if !hasTest(t, d.Package, d.Test) {
			t.Errorf("%s: no test %s is in %q, but in %v", d.At, d.Test, d.Package, declaring(d.Test))
		}
	}
}

func withoutDefence(d Defence) (string, error) {
	raw, err := os.ReadFile(filepath.Join(root, d.File))
	if err != nil {
		return "", err
	}
	return d.Apply(string(raw))
}

func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name2 := range names {
		raw, err := os.ReadFile(name2)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

// TestDefences takes defences out, each by itself, and wants the named test to fail. The
// source is not changed: -overlay shows the changed file to the go command.
func TestDefences(t *testing.T) {
	all := list(t)
	part := chosen(t, all)
	for _, d := range part {
		t.Run(d.Test+"/"+strings.ReplaceAll(d.Name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			failsWithout(t, d)
		})
	}
	t.Logf("%d of %d defences are taken out", len(part), len(all))
}

// chosen returns the part of the list that SECONDGATE_DEFENCES asks for.
func chosen(t *testing.T, all []Defence) (part []Defence) {
	t.Helper()
	asked := os.Getenv("SECONDGATE_DEFENCES")
	if asked == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("SECONDGATE_DEFENCES is not set")
		}
		t.Skip("SECONDGATE_DEFENCES is not set; ./test/run takes a part of the defences out")
	}
	if asked == "all" {
		return all
	}
	if n, err := strconv.Atoi(asked); err == nil {
		from := start(t) % len(all)
		return append(all[from:len(all):len(all)], all[:from]...)[:min(n, len(all))]
	}
	pattern, err := regexp.Compile(asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if pattern.MatchString(d.Line) {
			part = append(part, d)
		}
	}
	return part
}

// start is another number for every commit.
func start(t *testing.T) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", "rev-parse", "HEAD")
	cmd.Dir = root
	head, err := cmd.Output()
	if err != nil {
		t.Logf("no commit to choose by (%v), so from the beginning", err)
		return 0
	}
	h := fnv.New32a()
	h.Write(head)
	return int(h.Sum32() & 0x7fffffff)
}

func failsWithout(t *testing.T, d Defence) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-tags", Tags, "-count=1", "-timeout", "6m", "-run", "^"+d.Test+"$", "./"+d.Package)
	cmd.Dir = root
	// In GOFLAGS, so that programs that the test builds are changed as well.
	cmd.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+overlay(t, d))
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("%s: %s passes without %q", d.At, d.Test, d.Name)
	}
	if !strings.Contains(string(out), "--- FAIL: "+d.Test) {
		t.Fatalf("%s: %s did not fail as a test does:\n%s", d.At, d.Test, out[max(0, len(out)-4000):])
	}
}

// overlay writes the changed file, and the file that go test finds it by.
func overlay(t *testing.T, d Defence) string {
	t.Helper()
	text, err := withoutDefence(d)
	if err != nil {
		t.Fatal(err)
	}
	source, err := filepath.Abs(filepath.Join(root, d.File))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	changed, replaced := filepath.Join(dir, filepath.Base(d.File)), filepath.Join(dir, "overlay.json")
	raw, err := json.Marshal(map[string]map[string]string{"Replace": {source: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{changed: []byte(text), replaced: raw} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return replaced
}
