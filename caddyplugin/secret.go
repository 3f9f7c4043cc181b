package caddyplugin

import (
	"fmt"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

const keyExample = "{file./path/to/key}"

// checkSecret wants a setting to name the place of a secret. A secret that is written
// out would be in every copy of the configuration: in the autosaved one, in backups of
// the Caddyfile, and in the answer of the admin endpoint's /config. The error never says
// what the value is, since it may be a mistyped secret.
func checkSecret(value, example string) error {
	if strings.HasPrefix(value, "{env.") || strings.HasPrefix(value, "{file.") {
		if strings.Count(value, "{") == 1 && strings.Index(value, "}") == len(value)-1 {
			return nil
		}
	}
	return fmt.Errorf("it is written out, and would be in every copy of the configuration; want %s or {env.NAME} (and not {$NAME}, which writes it out, too)", example)
}

// fileOf is the file that a setting names, or empty.
func fileOf(setting string) string {
	name, found := strings.CutPrefix(setting, "{file.")
	if !found {
		return ""
	}
	return strings.TrimSuffix(name, "}")
}

// warnReadable warns of a file with secrets that every user of the machine can read.
// Group bits are not looked at: systemd's credentials have them for their access list.
func (a *App) warnReadable(file string) {
	if file == "" || a.log == nil {
		return
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o004 != 0 {
		a.log.Warn("a file with secrets is readable by every user of this machine; take that away: chmod 600",
			zap.String("file", file), zap.String("mode", fmt.Sprintf("%04o", info.Mode().Perm())))
	}
}

// filledIn is a setting with its placeholders replaced, none of which may be empty. Of a
// file that can't be read Caddy's error says only that; this one says why.
func filledIn(setting string) (string, error) {
	// Caddy's replacer logs a file that it can't read, in the midst of a command's answer.
	if name := fileOf(setting); name != "" && setting == "{file."+name+"}" && !strings.ContainsAny(name, "{}") {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		f.Close() //nolint:errcheck // only looked at
	}
	return caddy.NewReplacer().ReplaceOrErr(setting, true, true)
}
