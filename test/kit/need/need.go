// Package need says what a test needs from the machine. A test without it is skipped on a
// developer's machine and fails where CI is set, because a CI machine has to have everything.
package need

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// Missing ends a test for which something is missing on this machine.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip("SKIPPED: " + what)
}

// Root returns the module's directory, from wherever in the module the test runs.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := FindRoot()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// FindRoot is Root that returns the error.
func FindRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("not below a go.mod")
		}
	}
}
