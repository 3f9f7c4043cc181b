package edge

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/house"
)

// TestAttack_DenyBehindTwoPrefixes: handlers behind the gate take prefixes off one after
// another, or one that does not end where a segment does.
func TestAttack_DenyBehindTwoPrefixes(t *testing.T) {
	gates := strings.Replace(gate, "realm edge", "realm edge\ndeny /xmlrpc.php", 1)
	const proxy = "reverse_proxy PORTAL\n"
	for name, tt := range map[string]struct{ site, path string }{
		"nested handle_path":   {gates + "handle_path /a/* {\nhandle_path /b/* {\n" + proxy + "}\nhandle {\n" + proxy + "}\n}\nhandle {\n" + proxy + "}", "/a/b/xmlrpc.php"},
		"twice the same":       {"route {\n" + gates + "uri strip_prefix /a\nuri strip_prefix /b\n" + proxy + "}", "/a/b/xmlrpc.php"},
		"part of a segment":    {gates + "handle_path /app* {\n" + proxy + "}\nhandle {\n" + proxy + "}", "/appxmlrpc.php"},
		"part, slash":          {gates + "handle_path /app* {\n" + proxy + "}\nhandle {\n" + proxy + "}", "/app/xmlrpc.php"},
		"strip part":           {"route {\n" + gates + "uri strip_prefix /v\n" + proxy + "}", "/vxmlrpc.php"},
		"encoded":              {gates + "handle_path /a/* {\n" + proxy + "}\nhandle {\n" + proxy + "}", "/a/%2e/xmlrpc.php"},
		"rewrite of the proxy": {gates + "handle /p/* {\nreverse_proxy PORTAL {\nrewrite /{http.request.uri.path.file}\n}\n}\nhandle {\n" + proxy + "}", "/p/xmlrpc.php"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &echo{}
			h := house.StartSite(t, e, tt.site)
			b := h.Browser()
			p := b.Do(b.Request(http.MethodPost, tt.path, nil))
			got := ""
			for _, s := range e.seen {
				got += " " + s.Method + " " + s.URL.Path
			}
			if p.Status != http.StatusForbidden && strings.Contains(got, "xmlrpc.php") && !strings.Contains(h.LogText(), "deny looks at a request before") {
				t.Errorf("%s: answered %d; the portal got%s", tt.path, p.Status, got)
			}
		})
	}
}

// TestAttack_TokenBehindAPrefix: a declared sign-in whose token stays behind the gate is
// the same behind a prefix.
func TestAttack_TokenBehindAPrefix(t *testing.T) {
	const lines = "two_factor {\nrealm edge\nwhoami /me {\nanonymous status 401\nuser json user\n}\ncredential header Authorization\nsettle 100ms\nsign_in /api/login {\ntoken json token\n}\n}\n"
	portal := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/api/login":
			fmt.Fprint(w, `{"token":"T-alice-0123456789"}`)
		case r.Header.Get("Authorization") == "Bearer T-alice-0123456789":
			fmt.Fprint(w, `{"user":"alice","secret":"secret of alice"}`)
		default:
			w.WriteHeader(401)
		}
	})
	const proxy = "reverse_proxy PORTAL\n"
	for name, tt := range map[string]struct{ site, path string }{
		"plain":        {lines + proxy, "/api/login"},
		"handle_path":  {lines + "handle_path /v1/* {\n" + proxy + "}\nhandle {\n" + proxy + "}", "/v1/api/login"},
		"strip_prefix": {"route {\n" + lines + "uri strip_prefix /v1\n" + proxy + "}", "/v1/api/login"},
		"rewrite":      {"route {\n" + lines + "rewrite /auth /api/login\n" + proxy + "}", "/auth"},
		"replace":      {"route {\n" + lines + "uri replace /v1/ /api/\n" + proxy + "}", "/v1/login"},
	} {
		t.Run(name, func(t *testing.T) {
			h := house.StartSite(t, portal, strings.Replace(tt.site, "realm edge", "realm edge\nrequire always", 1))
			b := h.Browser()
			p := b.Fetch(http.MethodPost, tt.path, "application/json", `{"user":"alice","password":"x"}`)
			if strings.Contains(p.Body, "T-alice") && !strings.Contains(h.LogText(), "which stands behind two_factor") {
				t.Errorf("token without a code or warning: %d %s", p.Status, p.Body)
			} else {
				t.Logf("%d %.80s", p.Status, p.Body)
			}
		})
	}
}

// TestAttack_CredentialOfOneHandle: what handlers behind the gate make of a header or a
// cookie below one path only: whoami never gets it.
func TestAttack_CredentialOfOneHandle(t *testing.T) {
	portal := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("SESS")
		switch {
		case r.URL.Path == "/login":
			w.Header().Set("Set-Cookie", "access_token=T-alice-0123456789; Path=/; HttpOnly")
			fmt.Fprint(w, "in")
		case r.URL.Path == "/me" && c != nil:
			fmt.Fprint(w, `{"user":"x"}`)
		case r.URL.Path == "/me":
			w.WriteHeader(401)
		case r.Header.Get("Authorization") == "Bearer T-alice-0123456789":
			fmt.Fprint(w, "secret of alice")
		default:
			fmt.Fprint(w, "nobody")
		}
	})
	const proxy = "reverse_proxy PORTAL\n"
	for name, site := range map[string]string{
		"cookie, handle":         gate + "handle /api/* {\nreverse_proxy PORTAL {\nheader_up Authorization \"Bearer {cookie.access_token}\"\n}\n}\nhandle {\n" + proxy + "}",
		"cookie, request_header": gate + "request_header /api/* Authorization \"Bearer {cookie.access_token}\"\n" + proxy,
		"header, handle":         gate + "handle /api/* {\nreverse_proxy PORTAL {\nheader_up Authorization \"Bearer {header.X-Ticket}\"\n}\n}\nhandle {\n" + proxy + "}",
		"header, copied":         gate + "request_header /api/* Authorization {header.X-Login-As}\n" + proxy,
	} {
		t.Run(name, func(t *testing.T) {
			h := house.StartSite(t, portal, strings.Replace(site, "realm edge", "realm edge\nrequire always\nsettle 100ms", 1))
			b := h.Browser()
			b.Get("/login")
			b.Header.Set("X-Ticket", "T-alice-0123456789")
			b.Header.Set("X-Login-As", "Bearer T-alice-0123456789")
			p := b.Get("/api/orders")
			if strings.Contains(p.Body, "secret of alice") {
				t.Errorf("without a code: %d %s", p.Status, p.Body)
			} else {
				t.Logf("%d %.80s", p.Status, p.Body)
			}
		})
	}
}

// TestAttack_WhoamiAnsweredByCaddy: Caddy itself answers whoami as the portal answers strangers.
func TestAttack_WhoamiAnsweredByCaddy(t *testing.T) {
	for name, site := range map[string]string{
		"respond":   "two_factor {\n" + house.LegacyLines + "\n}\nrespond /me 401\nreverse_proxy PORTAL",
		"respond @": "@outside path /me\ntwo_factor {\n" + house.LegacyLines + "\n}\nhandle @outside {\nrespond 401\n}\nhandle {\nreverse_proxy PORTAL\n}",
		"not local": "@outside {\npath /me\nnot remote_ip 10.0.0.0/8\n}\ntwo_factor {\n" + house.LegacyLines + "\n}\nrespond @outside 401\nreverse_proxy PORTAL",
		"redir":     "route {\ntwo_factor {\n" + strings.Replace(house.LegacyLines, "status 401", "redirect */login*", 1) + "\n}\nredir /me /login\nreverse_proxy PORTAL\n}",
	} {
		t.Run(name, func(t *testing.T) {
			h := house.StartSite(t, &house.Legacy{}, site)
			b := h.Browser()
			p := b.SignInAndGo("alice")
			if strings.Contains(p.Body, house.SecretOf("alice")) {
				// optional, not enrolled: look at who is known
				if s := b.Get("/two-factor/setup"); s.Status != 200 {
					t.Errorf("the gate takes alice for a stranger: set-up %d; warned: %v", s.Status, strings.Contains(h.LogText(), `"settings"`))
				}
			}
		})
	}
}
