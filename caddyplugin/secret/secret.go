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

// Check wants a setting to name the place of a secret. The error never says what the value
// is, since it may be a mistyped secret.
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

// File is the file that a setting names, or empty.
func File(setting string) string {
	name, found := strings.CutPrefix(setting, "{file.")
	if !found {
		return ""
	}
	return strings.TrimSuffix(name, "}")
}

// Resolve replaces the placeholders of a setting, none of which may be empty. Of a file that
// can't be read Caddy's error says only that; this one says why.
func Resolve(setting string) (string, error) {
	// Caddy's replacer logs a file that it can't read, in the midst of a command's answer.
	if name := File(setting); name != "" && setting == "{file."+name+"}" && !strings.ContainsAny(name, "{}") {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		f.Close() //nolint:errcheck // only looked at
	}
	return caddy.NewReplacer().ReplaceOrErr(setting, true, true)
}

// Keys is where the setting `key` says that the master keys are.
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
