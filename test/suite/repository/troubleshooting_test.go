package repository

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// quoted matches a log message on a page: a whole message between backquotes.
var quoted = regexp.MustCompile("`([^`]+)`")

// TestTroubleshooting: the log messages on the page are those that the program writes, so that a
// search in the log finds them.
func TestTroubleshooting(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	ours := messages(t)
	found := 0
	for _, m := range quoted.FindAllStringSubmatch(string(page), -1) {
		// Paths, settings and Caddy's messages have no blanks, or belong to other programs.
		if words := strings.Fields(m[1]); len(words) < 4 || strings.Contains(m[1], "unrecognized") {
			continue
		}
		found++
		text := strings.Trim(strings.TrimSuffix(m[1], "…"), " ")
		if !strings.Contains(ours, text) {
			t.Errorf("no message of the program has %q", m[1])
		}
	}
	if found < 15 {
		t.Errorf("the page quotes only %d messages", found)
	}
}

// messages are all string constants in the program.
func messages(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					all.WriteString(s + "\n")
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}
