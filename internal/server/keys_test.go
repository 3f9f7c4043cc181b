package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/keys"
)

// TestJ7_ReadableFile: a key file that every user can read is warned of.
func TestJ7_ReadableFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "master.key")
	if err := os.WriteFile(file, []byte(keys.Generate()), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, warns := range map[os.FileMode]int{0o600: 0, 0o440: 0, 0o644: 1, 0o604: 1} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		core, logs := observer.New(zap.WarnLevel)
		s := &Server{Settings: Settings{Logger: zap.New(core), Keys: Keys{
			Setting: "{file." + file + "}", File: file,
			Read: func() (string, error) { raw, err := os.ReadFile(file); return string(raw), err },
		}}}
		if _, _, err := s.readKeys(t.Context()); err != nil {
			t.Fatal(err)
		}
		if logs.Len() != warns {
			t.Errorf("mode %o: %v", mode, logs.All())
		}
		for _, entry := range logs.All() {
			if entry.ContextMap()["file"] != file || !strings.Contains(entry.Message, "chmod 600") {
				t.Errorf("%v", entry)
			}
		}
	}
}
