// Package templatestest makes a pseudo-language that is written from right to left. Tests of
// the pages pass [Locales] to package templates, to see mirrored layouts before a real
// translation exists.
//
// The language has every message that English has, with the same placeholders.
package templatestest

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"strings"
	"testing/fstest"

	"github.com/secondgate/secondgate/templates"
)

// RTL is the pseudo-language's tag: Arabic script, region XB, as CLDR calls the
// bidirectional pseudo-locale.
const RTL = "ar-XB"

// override and pop make the Latin letters between them run from right to left.
const override, pop = "\u202e", "\u202c"

// placeholder matches the parameters in a message, which mirror leaves unchanged.
var placeholder = regexp.MustCompile(`\{\{[^}]*\}\}`)

// Locales is for templates.Options.Locales.
func Locales() (fs.FS, error) {
	var english map[string]any
	if err := json.Unmarshal(templates.English(), &english); err != nil {
		return nil, err
	}
	text, err := json.Marshal(mirrored("", english))
	if err != nil {
		return nil, err
	}
	return fstest.MapFS{RTL + ".json": {Data: text}}, nil
}

func mirrored(key string, v any) any {
	switch v := v.(type) {
	case string:
		if strings.HasSuffix(key, "_layout") {
			return "2006-01-02 15:04"
		}
		return mirror(v)
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			out[key] = mirrored(key, inner)
		}
		return out
	}
	return v
}

func mirror(s string) string {
	var out strings.Builder
	last := 0
	for _, at := range placeholder.FindAllStringIndex(s, -1) {
		out.WriteString(turned(s[last:at[0]]) + s[at[0]:at[1]])
		last = at[1]
	}
	return out.String() + turned(s[last:])
}

// turned encloses s in override and pop, but leaves the blanks at its ends outside, where
// they separate words.
func turned(s string) string {
	words := strings.TrimSpace(s)
	if words == "" {
		return s
	}
	return strings.Replace(s, words, override+words+pop, 1)
}
