// Package templatestest makes a language for tests that is written from right to
// left, so that layouts are seen mirrored before a translation exists.
//
// The language has every message that English has, with the same
// placeholders, so a page that lacks a word in it lacks it in English, too.
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

// Override and pop turn the direction of the Latin letters between them.
const override, pop = "\u202e", "\u202c"

// placeholder is what the messages fill in; it stays as it is.
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

// turned leaves blanks at the ends outside, where they part words.
func turned(s string) string {
	words := strings.TrimSpace(s)
	if words == "" {
		return s
	}
	return strings.Replace(s, words, override+words+pop, 1)
}
