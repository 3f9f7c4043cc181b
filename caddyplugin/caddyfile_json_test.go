package caddyplugin

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestJSONIsChecked: the options of a configuration in JSON are checked as those of a
// Caddyfile are, before anything is opened.
func TestJSONIsChecked(t *testing.T) {
	for options, says := range map[string]string{
		`{"admin_api": "everywhere"}`:       `admin_api: "everywhere" is not known; want socket or tcp`,
		`{"audit": {"keep": "12h"}}`:        "audit.keep: 12h is out of bounds",
		`{"ntp": "ntp://a.example"}`:        `ntp: "ntp://a.example"`,
		`{"mail": {"smtp": "a.example:1"}}`: "mail: from is missing",
		`{"key": "c2VjcmV0"}`:               "key: it is written out",
	} {
		var app App
		if err := caddy.StrictUnmarshalJSON([]byte(options), &app); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
		err := app.Provision(ctx)
		cancel()
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", options, err)
		}
	}
}
