package routes

import (
	"encoding/json"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// factsOf returns what Read finds in a server's routes, given as JSON.
func factsOf(t *testing.T, routes string) *Facts {
	t.Helper()
	srv := new(caddyhttp.Server)
	if err := json.Unmarshal([]byte(routes), &srv.Routes); err != nil {
		t.Fatal(err)
	}
	u, err := Read(srv)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestAround: an intercept before the gate that sends requests to a proxy is found, so that the
// gateway removes the credentials of all requests that are over (gateway.Options.BareAll).
func TestAround(t *testing.T) {
	const gate = `{"handler":"two_factor","user":"{http.auth.user.id}"}`
	again := `{"handler":"intercept","handle_response":[{"routes":[{"handle":[{"handler":"reverse_proxy","upstreams":[{"dial":":1"}]}]}]}]}`
	text := `{"handler":"intercept","handle_response":[{"routes":[{"handle":[{"handler":"static_response"}]}]}]}`
	for handlers, want := range map[string]bool{again + "," + gate: true, text + "," + gate: false, gate + "," + again: false} {
		if u := factsOf(t, `[{"handle":[`+handlers+`]}]`); u.Around != want {
			t.Errorf("%s: around is %v, want %v", handlers, u.Around, want)
		}
	}
}
