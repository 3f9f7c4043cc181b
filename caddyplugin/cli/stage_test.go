package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestTheHandlerIsForTheRehearsalOnly: a configuration can't use it.
func TestTheHandlerIsForTheRehearsalOnly(t *testing.T) {
	if err := (&rehearsalHandler{Token: "guessed"}).Provision(caddy.Context{}); err == nil {
		t.Error("it joined a rehearsal that there is not")
	}
}

// TestTheStageIsTheOperatorsSite: the dry run has the whole site, except the parts that affect
// other systems.
func TestTheStageIsTheOperatorsSite(t *testing.T) {
	gate := object{"handler": "two_factor", "portal": "dokuwiki", "mode": "observe", "enrol_mail": "on", "throttle": object{"stop": 3}}
	server := object{
		"listen": []any{":443"}, "logs": object{}, "listener_wrappers": []any{object{}}, "tls_connection_policies": []any{object{}}, "trusted_proxies": object{"source": "static"},
		"routes": []any{object{"match": []any{object{"host": []any{"a.example"}}}, "handle": []any{object{"handler": "rewrite"}, gate, object{"handler": "reverse_proxy"}}}, object{"handle": []any{object{"handler": "other site"}}}},
	}
	sites := findSites(object{"apps": object{"http": object{"servers": object{"srv0": server}}}})
	if len(sites) != 1 {
		t.Fatalf("%d sites", len(sites))
	}
	st := &stage{dir: "/d", token: "t", site: sites[0], gate: "127.0.0.1:1", portal: "127.0.0.1:2"}
	raw, err := json.Marshal(st.config())
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, part := range []string{
		`"handle":[{"handler":"rewrite"},{"handler":"two_factor","portal":"dokuwiki"},{"behind":true,"handler":"two_factor_rehearsal","token":"t"},{"handler":"reverse_proxy"}]`,
		`"handle":[{"handler":"rewrite"},{"handler":"reverse_proxy"}]`, `"trusted_proxies":{"source":"static"}`, `"directory":"/d/two_factor"`, `"root":"/d/caddy"`,
		`"admin":{"config":{"persist":false},"disabled":true}`, `"automatic_https":{"disable":true}`,
	} {
		if !strings.Contains(text, part) {
			t.Errorf("not in the stage: %s\n%s", part, text)
		}
	}
	for _, part := range []string{"other site", ":443", "listener_wrappers", "tls_connection_policies", `"observe"`, "enrol_mail", "throttle", `"logs":{}`} {
		if strings.Contains(text, part) {
			t.Errorf("in the stage: %s\n%s", part, text)
		}
	}
	if gate["mode"] != "observe" {
		t.Error("the operator's own configuration was changed")
	}
}
