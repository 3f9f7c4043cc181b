package caddyplugin

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	caddytokens "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/secondgate/secondgate/caddyplugin/caddyfile"
)

var fileAndLine = regexp.MustCompile(`Caddyfile:[0-9]+`)

// FuzzCaddyfile feeds the parsers with the tokens that Caddy's lexer makes of any text, unclosed
// blocks included. No parser panics, and every error has file and line.
func FuzzCaddyfile(f *testing.F) {
	files, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		input, _, _ := strings.Cut(string(content), "----------\n")
		if _, directive, ok := strings.Cut(input, "\ttwo_factor"); ok {
			f.Add("two_factor" + directive)
		}
	}
	f.Add("two_factor {\nwhoami / {\nfirst /n {\n")
	f.Add("two_factor {\n} x")
	f.Add("two_factor {\nrealm a\n} {\n}")
	f.Add("two_factor {\nkey {file.}\nstorage badger\nthrottle {\nfree -1\nwait 9999999999h\naddress /\n}\n}")
	f.Add("two_factor {\nwhoami /\\evil.com {\nuser regex (\nanonymous status 99999999999999999999\nname html [[\n}\n}")
	f.Add("two_factor {\nleave [ sg *\nrequire from 0000-99-99 grace\nremember\ncredential header Cookie\n}")
	f.Add("two_factor @\x00 {\npath //evil.com\ntrust *\nbrand {\nlogo \"\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := caddytokens.Tokenize([]byte(text), "Caddyfile")
		if err != nil || len(tokens) == 0 {
			return
		}
		site, err := caddyfile.Site(httpcaddyfile.Helper{Dispenser: caddytokens.NewDispenser(tokens)})
		if err != nil && !fileAndLine.MatchString(err.Error()) {
			t.Errorf("no file and line: %v", err)
		}
		if err == nil {
			if _, err := site.Resolved(); err != nil {
				t.Errorf("parsed, but does not stand: %v", err)
			}
		}
		_, err = parseGlobal(caddytokens.NewDispenser(tokens), nil)
		if err != nil && !fileAndLine.MatchString(err.Error()) {
			t.Errorf("no file and line: %v", err)
		}
	})
}
