package edge

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/secondgate/secondgate/test/kit/harness"
)

const always = "two_factor {\nrealm edge\nsupport a@example.com\nrequire always\nsettle 100ms\nwhoami /me {\nanonymous status 401\nuser json user\n}\n}\n"

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
			h := harness.StartSite(t, e, tt.site)
			b := h.Browser()
			p := b.Do(b.Request(http.MethodPost, tt.path, nil))
			got := ""
			for _, s := range e.seen {
				got += " " + s.Method + " " + s.URL.Path
			}
			if p.Status != http.StatusForbidden && strings.Contains(got, "xmlrpc.php") && !strings.Contains(h.LogText(), "deny is compared with the address before") {
				t.Errorf("%s: answered %d; the portal got%s", tt.path, p.Status, got)
			}
		})
	}
}

// TestAttack_TokenBehindAPrefix: a declared sign-in, with a token that must not leave the gate, is
// recognised behind a path prefix as well.
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
			h := harness.StartSite(t, portal, strings.Replace(tt.site, "realm edge", "realm edge\nrequire always", 1))
			b := h.Browser()
			p := b.Fetch(http.MethodPost, tt.path, "application/json", `{"user":"alice","password":"x"}`)
			if strings.Contains(p.Body, "T-alice") && !strings.Contains(h.LogText(), "which is behind two_factor") {
				t.Errorf("token without a code or warning: %d %s", p.Status, p.Body)
			} else {
				t.Logf("%d %.80s", p.Status, p.Body)
			}
		})
	}
}

// TestAttack_InterceptAround: a handler before the gate replaces the gate's refusals with
// another request to the portal.
func TestAttack_InterceptAround(t *testing.T) {
	for name, site := range map[string]string{
		"route":      "route {\nintercept {\n@e status 3xx 4xx 5xx\nhandle_response @e {\nrewrite * /error.html\nreverse_proxy PORTAL\n}\n}\n" + always + "reverse_proxy PORTAL\n}",
		"no rewrite": "route {\nintercept {\n@e status 3xx 4xx 5xx\nhandle_response @e {\nreverse_proxy PORTAL\n}\n}\n" + always + "reverse_proxy PORTAL\n}",
	} {
		t.Run(name, func(t *testing.T) {
			h := harness.StartSite(t, byAnything(), site)
			for what, head := range map[string]string{
				"query": "GET /x?password=pw-alice HTTP/1.1\r\n",
				"basic": "GET /x HTTP/1.1\r\nAuthorization: Basic YWxpY2U6cHctYWxpY2U=\r\n",
				"raw":   "GET /x HTTP/1.1\r\nCookie: SESS=S-alice; a=1\r\nCookie: b=1\r\n",
			} {
				if got := raw(t, h, head); strings.Contains(got, `of "alice"`) {
					t.Errorf("%s: without a code: %s", what, got)
				} else {
					t.Logf("%s: %.200s", what, got)
				}
			}
		})
	}
}

// TestAttack_SubrouteErrors: error routes of a subroute in JSON, after an error before the gate.
func TestAttack_SubrouteErrors(t *testing.T) {
	for name, before := range map[string]string{
		"basic_auth": "basic_auth {\nalice " + hashed("other") + "\n}\n",
		"error":      "@e header X-Fail *\nerror @e 404\n",
		"none":       "",
	} {
		t.Run(name, func(t *testing.T) {
			h := harness.StartSite(t, byAnything(), always+"reverse_proxy PORTAL")
			text := "{\n" + harness.GlobalLines + "two_factor {\nstorage memory DIR\n}\n}\nhttp://127.0.0.1:PORT {\nbind 127.0.0.1\nroute {\n" + before + always + "reverse_proxy PORTAL\n}\n}\n"
			text = strings.NewReplacer("PORTAL", strings.TrimPrefix(h.PortalURL, "http://"), "PORT", h.URL[strings.LastIndexByte(h.URL, ':')+1:], "DIR", h.Dir, "LOG", h.Log).Replace(text)
			config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
			if err != nil {
				t.Fatal(err)
			}
			var all map[string]any
			_ = json.Unmarshal(config, &all)
			withErrors(all, strings.TrimPrefix(h.PortalURL, "http://"))
			config, _ = json.Marshal(all)
			if err := caddy.Load(config, true); err != nil {
				t.Logf("refused: %v", err)
				return
			}
			b := h.Browser()
			b.Header.Set("X-Fail", "1")
			p := b.Post("/x", map[string][]string{"password": {"pw-alice"}})
			if strings.Contains(p.Body, `of "alice"`) {
				t.Errorf("form: without a code: %d %s %v", p.Status, p.Body, p.Header["Set-Cookie"])
			}
			b.SetCookie("SESS", "S-alice")
			if p = b.Get("/x"); strings.Contains(p.Body, `of "alice"`) {
				t.Errorf("session: without a code: %d %s", p.Status, p.Body)
			} else {
				t.Logf("%d %s", p.Status, p.Body)
			}
		})
	}
}

// TestAttack_K1_HeaderBeforeTheGate: Caddy's own `header` makes a response shareable to
// which the gate adds a cookie.
func TestAttack_K1_HeaderBeforeTheGate(t *testing.T) {
	for name, line := range map[string]string{
		"set":               "header Cache-Control \"public, max-age=3600\"",
		"deferred":          "header >Cache-Control \"public, max-age=3600\"",
		"defer":             "header {\ndefer\nCache-Control \"public, max-age=3600\"\n}",
		"pages":             "header / >Cache-Control \"public, s-maxage=60\"",
		"with another line": "header {\n-Server\nCache-Control \"public, max-age=600\"\n}",
		"replace":           "header Cache-Control private public",
		"delete":            "header -Cache-Control",
		"cdn":               "header >CDN-Cache-Control \"max-age=600\"",
		"expires":           "header >Surrogate-Control \"max-age=600\"",
	} {
		t.Run(name, func(t *testing.T) {
			site := "two_factor {\n" + harness.LegacyLines + "\n}\nreverse_proxy PORTAL"
			h := harness.StartSite(t, &harness.Legacy{}, site)
			if err := h.TryLoad(line + "\n" + strings.ReplaceAll(site, "PORTAL", strings.TrimPrefix(h.PortalURL, "http://"))); err != nil {
				if !strings.Contains(err.Error(), "Caddyfile:") || !strings.Contains(err.Error(), "after two_factor has made") {
					t.Error(err)
				}
				return
			}
			b := h.Browser()
			p := b.Get("/")
			cc := strings.Join(p.Header.Values("Cache-Control"), ", ")
			shared := strings.Contains(cc, "public") || cc == "" || strings.Contains(cc, "s-maxage") || p.Header.Get("CDN-Cache-Control") != "" || p.Header.Get("Surrogate-Control") != ""
			if len(p.Header.Values("Set-Cookie")) > 0 && shared {
				t.Errorf("%d cookies under Cache-Control %q; warned: %v", len(p.Header.Values("Set-Cookie")), cc, strings.Contains(h.LogText(), `"settings"`))
			}
		})
	}
}

// byAnything is a portal that recognises alice on every page by her password in the query, by
// Basic, and by its session.
func byAnything() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("SESS")
		_, password, _ := r.BasicAuth()
		user := ""
		if r.FormValue("password") == "pw-alice" || password == "pw-alice" || c != nil && c.Value == "S-alice" {
			user = "alice"
			w.Header().Add("Set-Cookie", "SESS=S-alice; Path=/")
		}
		if r.URL.Path == "/me" {
			if user == "" {
				w.WriteHeader(401)
				return
			}
			fmt.Fprintf(w, `{"user":%q}`, user)
			return
		}
		if r.URL.Path == "/asset.css" {
			w.Header().Set("Content-Type", "text/css")
			w.Header().Set("Cache-Control", "public, max-age=60")
		}
		if r.URL.Path == "/missing" {
			w.WriteHeader(404)
		}
		fmt.Fprintf(w, "%s: secret of %q", r.URL.Path, user)
	})
}

// raw sends these exact bytes as a request and returns the response.
func raw(t *testing.T, h *harness.Harness, head string) string {
	t.Helper()
	address := strings.TrimPrefix(h.URL, "http://")
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprintf(c, "%sHost: %s\r\nConnection: close\r\n\r\n", head, address)
	got, _ := io.ReadAll(c)
	return string(got)
}

// withErrors gives every outermost subroute error routes to the portal.
func withErrors(v any, dial string) {
	switch v := v.(type) {
	case map[string]any:
		if v["handler"] == "subroute" {
			v["errors"] = map[string]any{"routes": []any{map[string]any{"handle": []any{map[string]any{"handler": "reverse_proxy", "upstreams": []any{map[string]any{"dial": dial}}}}}}}
			return
		}
		for _, e := range v {
			withErrors(e, dial)
		}
	case []any:
		for _, e := range v {
			withErrors(e, dial)
		}
	}
}
