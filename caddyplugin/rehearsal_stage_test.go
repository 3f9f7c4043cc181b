package caddyplugin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// rehearsed starts the stage for a Caddyfile.
func rehearsed(t *testing.T, caddyfile string) *stage {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := readConfig(file, "")
	if err != nil {
		t.Fatal(err)
	}
	site, err := pickSite(c, "")
	if err != nil {
		t.Fatal(err)
	}
	st, err := startStage(site, "default")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(st.dir); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", st.dir, err)
		}
	})
	return st
}

// TestOnlyTheRehearsalComesIn: others on the machine reach neither of its servers, and
// the portal learns nothing of what keeps them out.
func TestOnlyTheRehearsalComesIn(t *testing.T) {
	var seen http.Header
	var host string
	portal := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen, host = r.Header.Clone(), r.Host }))
	t.Cleanup(portal.Close)
	st := rehearsed(t, fmt.Sprintf("portal.example.com {\ntwo_factor {\nwhoami /me {\nanonymous status 401\nuser json id\n}\n}\nreverse_proxy %s\n}\n", strings.TrimPrefix(portal.URL, "http://")))
	for name, address := range map[string]string{"gate": st.gate, "portal": st.portal} {
		for _, token := range []string{"", "guessed"} {
			r, err := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "portal.example.com"
			r.Header.Set(tokenHeader, token)
			if res, err := http.DefaultClient.Do(r); err != nil || res.StatusCode != http.StatusForbidden || seen != nil {
				t.Errorf("%s with the token %q: %v, %v", name, token, res, err)
			}
		}
	}
	for name, way := range map[string]http.RoundTripper{"gate": st.Gate(), "portal": st.Portal()} {
		r, err := http.NewRequest(http.MethodGet, "https://portal.example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := way.RoundTrip(r)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %v, %v", name, res, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if host != "portal.example.com" || seen.Get("X-Forwarded-Proto") != "https" || seen.Get(tokenHeader) != "" {
			t.Errorf("%s: the portal sees %q %v", name, host, seen)
		}
	}
	away, err := http.NewRequest(http.MethodGet, "https://elsewhere.example.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Gate().RoundTrip(away); err == nil || !strings.Contains(err.Error(), "elsewhere.example.com") {
		t.Errorf("another host: %v", err)
	}
}

// TestTheHandlerIsForTheRehearsalOnly: a configuration can't use it.
func TestTheHandlerIsForTheRehearsalOnly(t *testing.T) {
	if err := (&rehearsalHandler{Token: "guessed"}).Provision(caddy.Context{}); err == nil {
		t.Error("it joined a rehearsal that there is not")
	}
}

// TestSitesAsTheyAreFound reads what Caddy's adapter makes of sites.
func TestSitesAsTheyAreFound(t *testing.T) {
	const gate = " {\ntwo_factor {\nportal dokuwiki\n}\nreverse_proxy 127.0.0.1:1\n}\n"
	for caddyfile, want := range map[string]string{
		"portal.example.com" + gate:                            "https://portal.example.com",
		"portal.example.com, www.example.com" + gate:           "https://portal.example.com",
		"http://portal.example.com" + gate:                     "http://portal.example.com",
		"http://portal.example.com:8080" + gate:                "http://portal.example.com:8080",
		"portal.example.com:8443" + gate:                       "https://portal.example.com:8443",
		":9000" + gate:                                         "http://localhost:9000",
		"http://localhost:8080" + gate:                         "http://localhost:8080",
		"{\nauto_https off\n}\nportal.example.com:8080" + gate: "https://portal.example.com:8080",
		"{\nservers {\ntrusted_proxies static 10.0.0.0/8\n}\n}\nhttp://portal.example.com" + gate: "https://portal.example.com",
	} {
		file := filepath.Join(t.TempDir(), "Caddyfile")
		if err := os.WriteFile(file, []byte(caddyfile), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := readConfig(file, "")
		if err != nil {
			t.Fatal(err)
		}
		site, err := pickSite(c, "")
		if err != nil {
			t.Errorf("%s: %v", caddyfile, err)
			continue
		}
		if plan, err := planOf(site, ""); err != nil || plan.URL != want {
			t.Errorf("%s is at %q, %v; want %q", caddyfile, plan.URL, err, want)
		}
	}
}

// TestTheStageIsTheOperatorsSite: everything of the site is there but what reaches
// beyond it.
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
