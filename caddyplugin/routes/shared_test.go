package routes

import (
	"encoding/json"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
)

// TestShares: which configurations of `header` before the gate are refused.
func TestShares(t *testing.T) {
	for text, want := range map[string]bool{
		`{"response":{"deferred":true,"set":{"Cache-Control":["no-cache, no-store, must-revalidate"],"Expires":["0"],"Pragma":["no-cache"]},"delete":["Server"]}}`: false,
		`{"response":{"require":{"headers":{"Cache-Control":null}},"set":{"Cache-Control":["max-age=3600"]}}}`:                                                     false,
		`{"response":{"deferred":true,"replace":{"Cache-Control":[{"search_regexp":"s-maxage=[0-9]+","replace":""}]}}}`:                                            false,
		`{"response":{"deferred":true,"replace":{"Cache-Control":[{"search":"private","replace":"x"}]}}}`:                                                          true,
		`{"response":{"deferred":true,"replace":{"Cache-Control":[{"search_regexp":".*","replace":"max-age=60"}]}}}`:                                               true,
		`{"response":{"require":{"status_code":[404]},"set":{"Cache-Control":["public, max-age=60"]}}}`:                                                            true,
		`{"response":{"set":{"Cache-Control":["public"]}}}`:                                                                                                        false,
		`{"response":{"deferred":true,"delete":["*control"]}}`:                                                                                                     true,
		`{"response":{"deferred":true,"delete":["*ache-Contro*"]}}`:                                                                                                true,
		`{"response":{"deferred":true,"delete":["Cache-*"]}}`:                                                                                                      true,
		`{"response":{"deferred":true,"delete":["X-*"]}}`:                                                                                                          false,
		`{"response":{"deferred":true,"set":{"X-Accel-Expires":["600"]}}}`:                                                                                         true,
	} {
		var h headers.Handler
		if err := json.Unmarshal([]byte(text), &h); err != nil {
			t.Fatal(err)
		}
		if got := shares(&h); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}
