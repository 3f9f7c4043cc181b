package repository

import (
	"os"
	"testing"
)

// TestMain runs the tests in the repository's top directory, as the paths in them say.
func TestMain(m *testing.M) {
	if err := os.Chdir("../../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}
