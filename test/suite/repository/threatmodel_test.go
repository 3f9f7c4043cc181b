package repository

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	testName   = regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z][A-Za-z0-9_]*\b`)
	testHeader = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// TestThreatModel: every test that docs/threat-model.md names as a proof is there, so
// that no promise outlives what shows it.
func TestThreatModel(t *testing.T) {
	declared := declaredTests(t)
	page, err := os.ReadFile(filepath.Join("docs", "threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := testName.FindAllString(string(page), -1)
	if len(named) < 100 {
		t.Errorf("the page names only %d tests", len(named))
	}
	for _, name := range named {
		if !declared[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

// declaredTests are the names of all tests and fuzz targets of this module.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, m := range testHeader.FindAllStringSubmatch(string(raw), -1) {
			all[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
