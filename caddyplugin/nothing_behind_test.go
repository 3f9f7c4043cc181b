package caddyplugin

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/caddyplugin/routes"
)

// TestNothingBehind: a gate with nothing behind it is found.
func TestNothingBehind(t *testing.T) {
	const gate = "two_factor MATCHER {\nwhoami /me {\nanonymous status 401\nuser json user\n}\n}\n"
	on := func(matcher string) string { return strings.Replace(gate, "MATCHER", matcher, 1) }
	for name, tt := range map[string]struct {
		site  string
		empty bool
	}{
		"right":                       {on("") + "reverse_proxy 127.0.0.1:9000", false},
		"a path before the block":     {on("/members/*") + "reverse_proxy 127.0.0.1:9000", false},
		"a named matcher":             {"@x not path /static/*\n" + on("@x") + "reverse_proxy 127.0.0.1:9000", false},
		"within handle":               {"handle /members/* {\n" + on("") + "reverse_proxy 127.0.0.1:9000\n}\nhandle {\nrespond hello\n}", false},
		"nothing behind":              {on(""), true},
		"nothing behind, but before":  {"encode gzip\nheader X-Y z\n" + on(""), true},
		"a page of Caddy's behind it": {on("") + "respond hello", false},
	} {
		t.Run(name, func(t *testing.T) {
			raw, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte("http://127.0.0.1:8088 {\n"+tt.site+"\n}\n"), nil)
			if err != nil {
				t.Fatal(err)
			}
			var c struct {
				Apps struct {
					HTTP struct {
						Servers map[string]*caddyhttp.Server
					}
				}
			}
			if err := json.Unmarshal(raw, &c); err != nil {
				t.Fatal(err)
			}
			for _, s := range c.Apps.HTTP.Servers {
				if got := routes.NothingBehind(s) != ""; got != tt.empty {
					t.Errorf("nothing behind: %v, want %v", got, tt.empty)
				}
			}
		})
	}
}

// TestMissingBrace: the error about a directive of Caddy's inside the block names it as such.
func TestMissingBrace(t *testing.T) {
	text := "http://127.0.0.1:8088 {\ntwo_factor {\nwhoami /me {\nanonymous status 401\nuser json user\n}\nreverse_proxy 127.0.0.1:9000\n}\n"
	_, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err == nil || !strings.Contains(err.Error(), "missing before this line") || !strings.Contains(err.Error(), ":7") {
		t.Errorf("the error is %v", err)
	}
}
