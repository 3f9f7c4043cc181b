package split

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Set in the environment of the test binary that TestRun starts.
const (
	marks = "SECONDGATE_SPLIT_MARKS" // a directory, where each test leaves a file
	fails = "SECONDGATE_SPLIT_FAILS" // the test that fails
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

// mark notes that the test has run, and in which process.
func mark(t *testing.T) {
	dir := os.Getenv(marks)
	if dir == "" {
		return
	}
	f, err := os.OpenFile(filepath.Join(dir, t.Name()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.WriteString(strconv.Itoa(os.Getpid()))
	if os.Getenv(fails) == t.Name() {
		t.Error("as it was told")
	}
}

func TestOne(t *testing.T)   { mark(t) }
func TestTwo(t *testing.T)   { mark(t) }
func TestThree(t *testing.T) { mark(t) }
func TestFour(t *testing.T)  { mark(t) }
func TestFive(t *testing.T)  { mark(t) }
func FuzzSix(f *testing.F)   { f.Add(1); f.Fuzz(func(t *testing.T, _ int) {}) }

var verdicts = regexp.MustCompile(`(?m)^(PASS|FAIL)$`)

// TestRun: every test runs once, in several processes, and one that fails makes all fail.
func TestRun(t *testing.T) {
	if os.Getenv(marks) != "" {
		return
	}
	for _, failing := range []string{"", "TestTwo", "TestFive"} {
		dir := t.TempDir()
		log := filepath.Join(t.TempDir(), "log")
		cmd := exec.Command(os.Args[0], "-test.v", "-test.testlogfile="+log)
		cmd.Env = append(os.Environ(), marks+"="+dir, fails+"="+failing)
		out, err := cmd.CombinedOutput()
		if (err != nil) != (failing != "") {
			t.Errorf("%q fails: %v\n%s", failing, err, out)
		}
		want := "PASS"
		if failing != "" {
			want = "FAIL"
		}
		if said := verdicts.FindAllString(string(out), -1); len(said) != 1 || said[0] != want {
			t.Errorf("%q fails: the verdicts are %q\n%s", failing, said, out)
		}
		ran, processes := ranIn(t, dir)
		if ran != 5 || processes < 2 || strings.Count(string(out), "=== RUN   FuzzSix\n") != 1 {
			t.Errorf("%d tests ran in %d processes\n%s", ran, processes, out)
		}
		if raw, err := os.ReadFile(log); err != nil || strings.Count(string(raw), "# test log\n") != 1 || !strings.Contains(string(raw), "getenv "+fails) {
			t.Errorf("the log of what was read: %v %q", err, raw)
		}
	}
}

func ranIn(t *testing.T, dir string) (tests, processes int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	pids := make(map[string]bool)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		pids[string(raw)] = true
	}
	return len(files), len(pids)
}
