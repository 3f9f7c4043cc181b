// Package secret reads settings of Caddy's configuration that name the place of a secret, as
// {file./etc/secondgate/key} or {env.KEY}. A secret that is written out is refused: it would
// be in every copy of the configuration, in the autosaved one, in backups of the Caddyfile,
// and in the answer of the admin endpoint's /config.
package secret

import (
	"fmt"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/server"
)

// Check returns an error unless a setting names the place of a secret. The error does not
// contain the value, because that may be the secret itself.
func Check(value, example string) error {
	if strings.HasPrefix(value, "{env.") || strings.HasPrefix(value, "{file.") {
		if strings.Count(value, "{") == 1 && strings.Index(value, "}") == len(value)-1 {
			return nil
		}
	}
	return fmt.Errorf("it is written out, and would be in every copy of the configuration; want %s or {env.NAME} (and not {$NAME}, which writes it out, too)", example)
}

// CheckKey is Check for the setting of the master keys.
func CheckKey(setting string) error { return Check(setting, "{file./path/to/key}") }

// File returns the file that a setting names, or "".
func File(setting string) string {
	name, found := strings.CutPrefix(setting, "{file.")
	if !found {
		return ""
	}
	return strings.TrimSuffix(name, "}")
}

// Resolve replaces the placeholders of a setting. An empty one is an error. If a file can't be
// read, the error says why; Caddy's own error does not.
func Resolve(setting string) (string, error) {
	// Caddy's replacer would log a file that it can't read, within a command's output.
	if name := File(setting); name != "" && setting == "{file."+name+"}" && !strings.ContainsAny(name, "{}") {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		f.Close() //nolint:errcheck // only looked at
	}
	return caddy.NewReplacer().ReplaceOrErr(setting, true, true)
}

// Keys translates the setting `key`, the place of the master keys, for package server. The
// zero value is returned if it is not set.
func Keys(setting string) (server.Keys, error) {
	if setting == "" {
		return server.Keys{}, nil
	}
	if err := CheckKey(setting); err != nil {
		return server.Keys{}, fmt.Errorf("key: %w", err)
	}
	return server.Keys{Setting: setting, File: File(setting), Read: func() (string, error) {
		text, err := Resolve(setting)
		if err != nil {
			return "", fmt.Errorf("key %s can't be read: %w", setting, err)
		}
		return text, nil
	}}, nil
}
