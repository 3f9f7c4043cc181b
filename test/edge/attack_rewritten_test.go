package edge

import (
	"fmt"
	"net/http"
	"net/http/fcgi"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/house"
)

// frontController is a portal that goes by the address as it was asked for, as PHP frameworks
// go by REQUEST_URI and others by X-Original-URI.
func frontController(w http.ResponseWriter, r *http.Request) {
	uri := fcgi.ProcessEnv(r)["REQUEST_URI"]
	if v := r.Header.Get("X-Original-Uri"); v != "" {
		uri = v
	}
	if uri == "" {
		uri = r.URL.RequestURI()
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasPrefix(uri, "/soap/"):
		fmt.Fprint(w, `side door`)
	case strings.HasPrefix(uri, "/api/login"):
		fmt.Fprint(w, `{"token":"T-alice-0123456789"}`)
	case r.Header.Get("Authorization") == "Bearer T-alice-0123456789":
		fmt.Fprint(w, `{"user":"alice","secret":"secret of alice"}`)
	case strings.HasPrefix(uri, "/me"):
		w.WriteHeader(401)
	default:
		fmt.Fprint(w, "page")
	}
}

// TestAttack_RewrittenBeforeTheGate: Caddy rewrites to a front controller before the gate, as
// its order of directives has it, and the portal goes by the original address.
func TestAttack_RewrittenBeforeTheGate(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "index.php"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	address := serveFCGI(t, frontController)
	const lines = "two_factor {\nrealm edge\nsupport a@example.com\nrequire always\nwhoami /me {\nanonymous status 401\nuser json user\n}\ncredential header Authorization\nsettle 100ms\ndeny /soap/*\nsign_in /api/login {\ntoken json token\n}\n}\n"
	const header = "reverse_proxy PORTAL {\nheader_up X-Original-URI {http.request.orig_uri}\n}\n"
	php := "reverse_proxy " + address + " {\ntransport fastcgi {\nsplit .php\n}\n}\n"
	for name, site := range map[string]string{
		"try_files":              "root " + root + "\ntry_files {path} /index.php\n" + lines + php,
		"rewrite":                "root " + root + "\nrewrite * /index.php?{query}\n" + lines + php,
		"php_fastcgi":            "root " + root + "\n" + lines + "php_fastcgi " + address,
		"try_files, php_fastcgi": "root " + root + "\ntry_files {path} /index.php?{query}\n" + lines + "php_fastcgi " + address,
		"header":                 "rewrite * /index.php?{query}\n" + lines + header,
		"strip":                  "uri strip_prefix /soap\n" + lines + header,
	} {
		t.Run(name, func(t *testing.T) {
			h := house.StartSite(t, http.HandlerFunc(frontController), site)
			b := h.Browser()
			if p := b.Fetch(http.MethodPost, "/soap/x", "text/xml", "<x/>"); strings.Contains(p.Body, "side door") {
				t.Errorf("deny: %d %s; warned %v", p.Status, p.Body, strings.Contains(h.LogText(), `"settings"`))
			} else {
				t.Logf("deny: %d %.60s", p.Status, p.Body)
			}
			if p := b.Fetch(http.MethodPost, "/api/login", "application/json", `{"user":"alice","password":"x"}`); strings.Contains(p.Body, "T-alice") {
				t.Errorf("token: %d %s; warned %v", p.Status, p.Body, strings.Contains(h.LogText(), `"settings"`))
			} else {
				t.Logf("token: %d %.60s", p.Status, p.Body)
			}
		})
	}
}

// TestAttack_ClientIPVariable: the variable of the client's address is set from a header.
func TestAttack_ClientIPVariable(t *testing.T) {
	const site = "vars client_ip {header.X-Real-IP}\n@office client_ip 192.0.2.0/24\ntwo_factor {\n" + house.LegacyLines + "\nrequire always\nsupport a@example.com\ntrust @office\n}\nreverse_proxy PORTAL"
	h := house.StartSite(t, &house.Legacy{}, site)
	b := h.Browser()
	b.Header.Set("X-Real-IP", "192.0.2.1")
	b.SignIn("alice")
	if p := b.Get("/account"); strings.Contains(p.Body, house.SecretOf("alice")) && !strings.Contains(h.LogText(), `"settings"`) {
		t.Errorf("trusted by a header: %d %s", p.Status, p.Body)
	}
}
