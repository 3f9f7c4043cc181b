package caddyplugin

import (
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// filledIn is a setting with its placeholders replaced, none of which may be empty. Of a
// file that can't be read Caddy's error says only that; this one says why.
func filledIn(setting string) (string, error) {
	text, err := caddy.NewReplacer().ReplaceOrErr(setting, true, true)
	if err == nil {
		return text, nil
	}
	if name, found := strings.CutPrefix(setting, "{file."); found {
		f, why := os.Open(strings.TrimSuffix(name, "}"))
		if why != nil {
			return "", why
		}
		f.Close() //nolint:errcheck // only looked at
	}
	return "", err
}
