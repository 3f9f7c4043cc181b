package templates

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// named finds the ids of messages in the sources that match the patterns.
func named(t *testing.T, said *regexp.Regexp, patterns ...string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range said.FindAllStringSubmatch(string(text), -1) {
				found[m[1]] = file
			}
		}
	}
	return found
}

// TestEveryMessageIsThere checks that English has every message that a template or Go code
// names. Without this, a customer would meet an error page in place of the text.
func TestEveryMessageIsThere(t *testing.T) {
	l, err := loadLocales(nil)
	if err != nil {
		t.Fatal(err)
	}
	inTemplates := named(t, regexp.MustCompile(`[({ ]t "([^"]*)"`), "html/*.html", "mail/*")
	inCode := named(t, regexp.MustCompile(`(?:Say\(|ID: )"([a-z_.]*[a-z_])"`), "*.go", "../internal/userpages/*.go", "../internal/userpages/guard/*.go", "../internal/staffpages/*.go")
	inTables := named(t, regexp.MustCompile(`"((?:mail|desk|history)\.[a-z_]+)"`), "*.go", "../internal/staffpages/*.go")
	for _, found := range []map[string]string{inTemplates, inCode, inTables} {
		if len(found) < 10 {
			t.Errorf("only %d messages found: the search is broken", len(found))
		}
		for id, file := range found {
			if _, err := l.sentence(defaultLanguage, Say(id, "Count", 2)); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}
