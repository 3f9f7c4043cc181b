package repository

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/defences"
)

var (
	tagsOfRun = regexp.MustCompile(`(?m)^tags=(\S+)$`)
	goCommand = regexp.MustCompile(`\bgo (test|vet|tool staticcheck) .*`)
)

// TestTags: ./test/run compiles every test file of the repository. A file with a tag that
// ./test/run does not pass, or for another system, would be left out silently.
func TestTags(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("test", "run"))
	if err != nil {
		t.Fatal(err)
	}
	run := string(raw)
	tags := tagsOfRun.FindStringSubmatch(run)
	if tags == nil || tags[1] != defences.Tags {
		t.Fatalf("test/run has the tags %q, and test/defences has %q", tags, defences.Tags)
	}
	commands := commandsOf(run)
	for _, c := range commands {
		if !strings.Contains(c, `-tags "$tags"`) {
			t.Errorf("test/run passes no tags: %s", c)
		}
	}
	walk(t, func(path string) {
		if strings.HasSuffix(path, "_test.go") && !compiled(t, path, strings.Split(tags[1], ","), commands) {
			t.Errorf("%s: ./test/run does not compile this file, so its tests are never run", path)
		}
	})
}

// commandsOf returns the commands of test/run that read Go files.
func commandsOf(run string) (all []string) {
	for line := range strings.Lines(run) {
		if c := goCommand.FindString(line); c != "" && !strings.HasPrefix(strings.TrimSpace(line), "#") {
			all = append(all, c)
		}
	}
	return all
}

// compiled reports whether the file is compiled with the race detector, or without it in a
// package that test/run tests once more.
func compiled(t *testing.T, path string, tags, commands []string) bool {
	t.Helper()
	if matches(t, path, append(tags, "race")) {
		return true
	}
	again := "go test -tags \"$tags\" ./" + filepath.ToSlash(filepath.Dir(path))
	for _, c := range commands {
		if c == again {
			return matches(t, path, tags)
		}
	}
	return false
}

func matches(t *testing.T, path string, tags []string) bool {
	t.Helper()
	linux := build.Default
	linux.GOOS, linux.GOARCH, linux.BuildTags = "linux", "amd64", tags
	ok, err := linux.MatchFile(filepath.Split(path))
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// skips lists the functions that may skip a test with CI set, and why.
var skips = map[string]string{
	"test/adversary/reach_test.go TestReach":                 "a measurement that is asked for by hand",
	"test/adversary/caddyworld/adversary_test.go TestReach":  "a measurement that is asked for by hand",
	"internal/store/badger/golden_test.go TestGolden_Write":  "it writes the file that another test reads",
	"internal/backup/golden_test.go TestGolden_Write":        "it writes the file that another test reads",
	"internal/store/badger/bench_test.go BenchmarkFootprint": "a benchmark of Linux",
}

// TestSkips: whatever skips a test fails it on a CI machine instead, except for the listed ones.
func TestSkips(t *testing.T) {
	found := make(map[string]bool)
	walk(t, func(path string) {
		if !strings.HasSuffix(path, ".go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && skipsOnCI(f) {
				found[filepath.ToSlash(path)+" "+f.Name.Name] = true
			}
		}
	})
	for name := range found {
		if skips[name] == "" {
			t.Errorf("%s skips its test also with CI set", name)
		}
	}
	for name := range skips {
		if !found[name] {
			t.Errorf("%s skips no test, but is listed", name)
		}
	}
}

// skipsOnCI reports whether a function skips a test, and does not ask for CI.
func skipsOnCI(f *ast.FuncDecl) bool {
	skips, asks := false, false
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			skips = skips || n.Sel.Name == "Skip" || n.Sel.Name == "Skipf" || n.Sel.Name == "SkipNow"
		case *ast.BasicLit:
			asks = asks || n.Value == `"CI"`
		}
		return true
	})
	return skips && !asks
}
