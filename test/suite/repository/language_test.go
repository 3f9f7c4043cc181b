package repository

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// riddles are words that hide the subject of a sentence, or that say nothing. Comments and
// documentation name the subject instead: a user, a visit, a request, a customer.
var riddles = regexp.MustCompile(`(?i)\b(whose|nobody|somebody|whoever|one invariant|as it stands|of its own accord)\b`)

// code matches what documentation quotes: log messages, settings, examples.
var code = regexp.MustCompile("(?s)```.*?```|`[^`]*`")

// TestPlainEnglish checks the comments of all Go files, and the documentation.
func TestPlainEnglish(t *testing.T) {
	walk(t, func(path string) {
		switch filepath.Ext(path) {
		case ".go":
			checkComments(t, path)
		case ".md":
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if path != "CHANGELOG.md" {
				plain(t, path, 1, code.ReplaceAllStringFunc(string(raw), newlines))
			}
		}
	})
}

// newlines keeps the line numbers of what is left out.
func newlines(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) }

func checkComments(t *testing.T, path string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range file.Comments {
		for _, c := range group.List {
			plain(t, path, set.Position(c.Pos()).Line, c.Text)
		}
	}
}

// plain reports the lines of the text that have a riddle.
func plain(t *testing.T, path string, first int, text string) {
	t.Helper()
	for i, line := range strings.Split(text, "\n") {
		if word := riddles.FindString(line); word != "" {
			t.Errorf("%s:%d: name the subject instead of %q: %s", path, first+i, word, strings.TrimSpace(line))
		}
	}
}

// walk calls fn with the path of each file of the repository that is ours.
func walk(t *testing.T, fn func(path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == "out" || strings.HasPrefix(d.Name(), ".") && path != ".") {
			return fs.SkipDir
		}
		if err == nil && !d.IsDir() {
			fn(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
