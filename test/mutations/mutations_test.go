package mutations

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// TestListIsTrue: every entry applies to the source as it is, and names a test that
// there is.
func TestListIsTrue(t *testing.T) {
	seen := make(map[string]bool)
	for _, m := range All() {
		name := m.File + ": " + m.Defence
		if m.Row == "" || m.Defence == "" || m.Old == m.New || seen[name] {
			t.Errorf("%s: an entry without a row or a change, or one that is there twice", name)
		}
		seen[name] = true
		if n := strings.Count(read(t, m.File), m.Old); n != 1 {
			t.Errorf("%s: what it replaces occurs %d times, want once", name, n)
		}
		if !hasTest(t, m.Package, m.Test) {
			t.Errorf("%s: no test %s in %s", name, m.Test, m.Package)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^func ` + regexp.QuoteMeta(name) + `\(`)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if declared.Match(raw) {
			return true
		}
	}
	return false
}

// TestMutations takes defences out, one at a time, and wants the named test to fail.
// The source stays as it is: go test's -overlay shows it the changed file.
func TestMutations(t *testing.T) {
	part := chosen(t, All())
	for _, m := range part {
		t.Run(m.Test+"/"+strings.ReplaceAll(m.Defence, " ", "_"), func(t *testing.T) { mutate(t, m) })
	}
	t.Logf("%d of %d defences taken out", len(part), len(All()))
}

// chosen is the part of the list that SECONDGATE_MUTATIONS asks for: all, those whose
// file, test or defence matches a pattern, or so many, beginning elsewhere for every commit.
func chosen(t *testing.T, all []Mutation) []Mutation {
	t.Helper()
	asked := os.Getenv("SECONDGATE_MUTATIONS")
	if asked == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("SECONDGATE_MUTATIONS is not set")
		}
		t.Skip("SECONDGATE_MUTATIONS is not set; ./test/run does a part of them")
	}
	if asked == "all" {
		return all
	}
	n, err := strconv.Atoi(asked)
	if err == nil {
		from := start(t) % len(all)
		return append(all[from:len(all):len(all)], all[:from]...)[:min(n, len(all))]
	}
	pattern, err := regexp.Compile(asked)
	if err != nil {
		t.Fatal(err)
	}
	var part []Mutation
	for _, m := range all {
		if pattern.MatchString(m.File) || pattern.MatchString(m.Test) || pattern.MatchString(m.Defence) {
			part = append(part, m)
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

func mutate(t *testing.T, m Mutation) {
	t.Helper()
	dir := t.TempDir()
	overlay := overlay(t, dir, m)
	cmd := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-count=1", "-timeout", "6m",
		"-run", fmt.Sprintf("^%s$", m.Test), "./"+m.Package)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("%s: %s passes without %q", m.Row, m.Test, m.Defence)
	}
	if !strings.Contains(string(out), "--- FAIL: "+m.Test) {
		t.Fatalf("%s: %s did not fail as a test does:\n%s", m.Row, m.Test, out[max(0, len(out)-4000):])
	}
}

// overlay writes the changed file, and what go test reads to find it.
func overlay(t *testing.T, dir string, m Mutation) string {
	t.Helper()
	source, err := filepath.Abs(filepath.Join(root, m.File))
	if err != nil {
		t.Fatal(err)
	}
	changed := filepath.Join(dir, filepath.Base(m.File))
	text := strings.Replace(read(t, m.File), m.Old, m.New, 1)
	raw, err := json.Marshal(map[string]map[string]string{"Replace": {source: changed}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	for name, content := range map[string]string{changed: text, path: string(raw)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}
