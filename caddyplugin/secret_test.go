package caddyplugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/caddyplugin/storage"
)

// inlineKey is a master key as an operator might write it into a configuration.
const inlineKey = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="

// TestAttack_J7_InlineKey: a literal key is refused, well-formed or not. The error has the line
// and the remedy, and no part of the key.
func TestAttack_J7_InlineKey(t *testing.T) {
	t.Setenv("INLINE_KEY", inlineKey)
	for _, written := range []string{
		inlineKey, inlineKey[1:], `"` + inlineKey + `"`, inlineKey + " " + inlineKey, "{env.A} " + inlineKey,
		"{$INLINE_KEY}", "{file./k}" + inlineKey, inlineKey + "{file./k}", "{env.A}{" + inlineKey + "}", "{" + inlineKey + "}", "`" + inlineKey + "\n`",
	} {
		text := "{\n\ttwo_factor {\n\t\tkey " + written + "\n\t}\n}\n"
		_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
		if err == nil || !strings.Contains(err.Error(), "Caddyfile:3") || !strings.Contains(err.Error(), "{file./path/to/key} or") {
			t.Errorf("key %s: %v", written, err)
		}
		if err != nil && strings.Contains(err.Error(), inlineKey[1:20]) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

// TestJ7_RootInTheDirectoryOfAnother: a server that runs as root warns if the store's directory,
// or its nearest existing parent, belongs to another user.
func TestJ7_RootInTheDirectoryOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") != "" {
			t.Fatal("giving a directory to another user needs root, with CI set")
		}
		t.Skip("giving a directory to another user needs root")
	}
	dir := t.TempDir()
	for owner, warns := range map[int]int{0: 0, 65534: 1} {
		if err := os.Chown(dir, owner, owner); err != nil {
			t.Fatal(err)
		}
		core, logs := observer.New(zap.WarnLevel)
		a := &App{log: zap.New(core)}
		a.warnRoot(storage.Temporary(filepath.Join(dir, "two_factor", "below")))
		if logs.Len() != warns {
			t.Errorf("owner %d: %v", owner, logs.All())
		}
	}
}

// TestOnlyValidates: which command lines only validate a configuration.
func TestOnlyValidates(t *testing.T) {
	for line, want := range map[string]bool{
		"validate --config Caddyfile": true, "adapt --validate": true, "adapt --config validate": false,
		"run --config validate": false, "adapt": false, "": false, "--version": false,
	} {
		if got := onlyValidates(strings.Fields(line)); got != want {
			t.Errorf("%q: %v", line, got)
		}
	}
}
