package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard" // what a site may have

	_ "github.com/secondgate/secondgate/caddyplugin" // two_factor in Caddyfiles
	"github.com/secondgate/secondgate/caddyplugin/cli"
)

// rehearsed starts the stage for a Caddyfile.
func rehearsed(t *testing.T, caddyfile string) *cli.Stage {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := cli.ReadConfig(file, "")
	if err != nil {
		t.Fatal(err)
	}
	site, err := cli.PickSite(c, "")
	if err != nil {
		t.Fatal(err)
	}
	st, err := cli.StartStage(site, "default")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(st.Dir()); !os.IsNotExist(err) {
			t.Errorf("%s is left: %v", st.Dir(), err)
		}
	})
	return st
}

// TestOnlyTheRehearsalComesIn: other programs on the machine reach neither of the dry run's
// servers, and the secret that keeps them out is not sent to the portal.
func TestOnlyTheRehearsalComesIn(t *testing.T) {
	var seen http.Header
	var host string
	portal := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen, host = r.Header.Clone(), r.Host }))
	t.Cleanup(portal.Close)
	st := rehearsed(t, fmt.Sprintf("portal.example.com {\ntwo_factor {\nwhoami /me {\nanonymous status 401\nuser json id\n}\n}\nreverse_proxy %s\n}\n", strings.TrimPrefix(portal.URL, "http://")))
	for name, address := range st.Addresses() {
		for _, token := range []string{"", "guessed"} {
			r, err := http.NewRequest(http.MethodGet, "http://"+address+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = "portal.example.com"
			r.Header.Set(cli.TokenHeader, token)
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
		if host != "portal.example.com" || seen.Get("X-Forwarded-Proto") != "https" || seen.Get(cli.TokenHeader) != "" {
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
		c, err := cli.ReadConfig(file, "")
		if err != nil {
			t.Fatal(err)
		}
		site, err := cli.PickSite(c, "")
		if err != nil {
			t.Errorf("%s: %v", caddyfile, err)
			continue
		}
		if plan, err := cli.PlanOf(site, ""); err != nil || plan.URL != want {
			t.Errorf("%s is at %q, %v; want %q", caddyfile, plan.URL, err, want)
		}
	}
}
