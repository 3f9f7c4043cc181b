package edge

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// refusals loads each site. It must be refused with the words, or accepted if there are none.
func refusals(t *testing.T, sites map[string]struct{ site, want string }) {
	t.Helper()
	load := loader(t)
	for name, tt := range sites {
		t.Run(name, func(t *testing.T) {
			err := load(tt.site)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("loading says %v, want %q", err, tt.want)
			}
		})
	}
}

// TestAttack_RewriteMakesCredential: a rewrite behind the gate makes a declared parameter, or
// a session's, of a part of the address that no question has.
func TestAttack_RewriteMakesCredential(t *testing.T) {
	token := strings.Replace(gate, "realm edge", "realm edge\ncredential query access_token", 1)
	const proxy = "\nreverse_proxy PORTAL\n}"
	refusals(t, map[string]struct{ site, want string }{
		"path":           {"route {\n" + token + "rewrite /share/* /view?access_token={path.1}" + proxy, "rewrite access_token gets a value that is made of {path.1}"},
		"query":          {"route {\n" + token + "rewrite /share /view?access_token={query.t}" + proxy, "declare `credential query t`"},
		"whole path":     {"route {\n" + token + "rewrite * /view?access_token={path}" + proxy, "rewrite access_token"},
		"into a path":    {"route {\n" + token + "rewrite /share/* /view/{path.1}" + proxy, "a ? in the value begins a query"},
		"renamed":        {"route {\n" + token + "uri query t>access_token" + proxy, "uri query access_token"},
		"added":          {"route {\n" + token + "uri query +access_token {query.t}" + proxy, "uri query access_token"},
		"set":            {"route {\n" + token + "uri query access_token {query.t}" + proxy, "uri query access_token"},
		"of the proxy":   {token + "reverse_proxy PORTAL {\nrewrite {path}?access_token={query.t}\n}", "rewrite access_token"},
		"session":        {"route {\n" + gate + "uri query s>PHPSESSID" + proxy, "uri query PHPSESSID"},
		"name":           {"route {\n" + token + "rewrite * /x?{query.k}={query.v}" + proxy, "{query.k}"},
		"capture":        {"route {\n" + token + "@s path_regexp s ^/s/(\\w[\\w-]*)$\nrewrite @s /view?access_token={re.s.1}" + proxy, "rewrite access_token"},
		"declared":       {"route {\n" + strings.Replace(token, "credential", "credential query t\ncredential", 1) + "rewrite /share /view?access_token={query.t}" + proxy, ""},
		"as it is":       {"route {\n" + token + "rewrite * /index.php?{query}" + proxy, ""},
		"another one":    {"route {\n" + token + "rewrite /p /x?page={query.p}" + proxy, ""},
		"constant":       {"route {\n" + token + "rewrite /p /x?access_token=none" + proxy, ""},
		"path, no query": {"route {\n" + gate + "rewrite /p/* /x/{path.1}" + proxy, ""},
		"removed":        {"route {\n" + token + "uri query -access_token" + proxy, ""},
		"before":         {"rewrite /share /view?access_token={query.t}\n" + token + "reverse_proxy PORTAL", ""},
	})
}

// TestAttack_CredentialOfOneHandle: a handler behind the gate derives a credential from a header
// or a cookie, in a handle that no question passes through.
func TestAttack_CredentialOfOneHandle(t *testing.T) {
	const proxy, words = "reverse_proxy PORTAL\n", "which no question to whoami matches"
	up := func(line string) string {
		return gate + "handle /api/* {\nreverse_proxy PORTAL {\nheader_up " + line + "\n}\n}\nhandle {\n" + proxy + "}"
	}
	refusals(t, map[string]struct{ site, want string }{
		"cookie, handle":         {up(`Authorization "Bearer {cookie.access_token}"`), words},
		"cookie, request_header": {gate + "request_header /api/* Authorization \"Bearer {cookie.access_token}\"\n" + proxy, words},
		"header, handle":         {up(`Authorization "Bearer {header.X-Ticket}"`), words},
		"header, copied":         {gate + "request_header /api/* Authorization {header.X-Login-As}\n" + proxy, words},
		"method":                 {"@post method POST\n" + gate + "request_header @post Authorization {header.X-Login-As}\n" + proxy, words},
		"whoami comes by":        {gate + "request_header /me* Authorization {header.X-Login-As}\n" + proxy, ""},
		"second whoami":          {strings.Replace(gate, "realm edge", "realm edge\nwhoami /api/me {\nanonymous status 401\nuser json user\n}", 1) + "request_header /api/* Authorization {header.X-Login-As}\n" + proxy, ""},
		"behind a prefix":        {"route {\n" + strings.Replace(gate, "whoami /me", "whoami /app/me", 1) + "uri strip_prefix /app\nrequest_header /me* Authorization {header.X-Login-As}\n" + proxy + "}", ""},
		"all":                    {gate + "request_header Authorization \"Bearer {cookie.access_token}\"\n" + proxy, ""},
		"a gate in a handle":     {"handle /api/* {\n" + gate + "request_header Authorization {header.X-Login-As}\n" + proxy + "}", ""},
		"WebSocket":              {up("Upgrade {header.Upgrade}"), ""},
		"constant":               {up("Authorization none"), ""},
	})
	for line, want := range map[string]int{"X-Account {cookie.acct}": 1, "X-Real-IP {header.CF-Connecting-IP}": 0, "X-Forwarded-Proto {header.X-Scheme}": 0, "X-Tenant {header.X-Tenant}": 0} {
		if got := warnings(t, strings.ReplaceAll(up(line), "PORTAL", "127.0.0.1:1"), words); got != want {
			t.Errorf("%s: %d warnings, want %d", line, got, want)
		}
	}
}

// TestAttack_Q1_RootChosenBehindTheGate: the root of PHP is FastCGI's destination.
func TestAttack_Q1_RootChosenBehindTheGate(t *testing.T) {
	const words = "the root of php_fastcgi gets a value that is made of {query.app}"
	refusals(t, map[string]struct{ site, want string }{
		"handle": {gate + "handle {\nroot /srv/{query.app}\nphp_fastcgi 127.0.0.1:1\n}", words},
		"route":  {"route {\n" + gate + "root /srv/{query.app}\nphp_fastcgi 127.0.0.1:1\n}", words},
		"before": {"root /srv/{query.app}\n" + gate + "php_fastcgi 127.0.0.1:1", ""},
		"fixed":  {gate + "handle {\nroot /srv/shop\nphp_fastcgi 127.0.0.1:1\n}", ""},
		"files":  {gate + "handle /f/* {\nroot /srv/{query.app}\nfile_server\n}\nhandle {\nreverse_proxy PORTAL\n}", ""},
	})
}

// TestAttack_ClientIPVariable: handlers before the gate can't set the variables that hold the
// client's address.
func TestAttack_ClientIPVariable(t *testing.T) {
	const proxy = "reverse_proxy PORTAL"
	refusals(t, map[string]struct{ site, want string }{
		"client_ip":     {"vars client_ip {header.X-Real-IP}\n" + gate + proxy, "`vars client_ip` before two_factor"},
		"trusted_proxy": {"vars trusted_proxy true\n" + gate + proxy, "`vars trusted_proxy` before two_factor"},
		"own":           {"vars two_factor.behind x\n" + gate + proxy, "`vars two_factor.behind` before two_factor"},
		"beside":        {"handle /x/* {\nvars client_ip {header.X-Real-IP}\n" + proxy + "\n}\nhandle {\n" + gate + proxy + "\n}", ""},
		"another":       {"vars client {header.X-Real-IP}\n" + gate + proxy, ""},
	})
}

// TestAttack_DenyBehindQuery: handlers behind the gate make the query or the method that
// `deny` shuts.
func TestAttack_DenyBehindQuery(t *testing.T) {
	gates := "@door query action=legacy\n@put method PUT\n" + strings.Replace(gate, "realm edge", "realm edge\ndeny @door @put", 1)
	const proxy = "reverse_proxy PORTAL\n"
	for name, tt := range map[string]struct{ site, target, want string }{
		"renamed":       {gates + "route {\nuri query act>action\n" + proxy + "}", "/x?act=legacy", "action=legacy"},
		"value":         {gates + "route {\nuri query action old legacy\n" + proxy + "}", "/x?action=old", "action=legacy"},
		"added":         {gates + "route {\nuri query +action {header.X-Action}\n" + proxy + "}", "/x", "action=legacy"},
		"of the proxy":  {gates + "reverse_proxy PORTAL {\nrewrite {path}?action={query.a}\n}\n", "/x?a=legacy", "action=legacy"},
		"method":        {gates + "route {\n@m header X-Verb PUT\nmethod @m PUT\n" + proxy + "}", "/x", "PUT"},
		"method, proxy": {gates + "reverse_proxy PORTAL {\nmethod PUT\n}\n", "/x", "PUT"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &echo{}
			h := harness.StartSite(t, e, tt.site)
			b := h.Browser()
			b.Header.Set("X-Action", "legacy")
			b.Header.Set("X-Verb", "PUT")
			p := b.Get(tt.target)
			got := ""
			for _, s := range e.seen {
				if s.URL.Path != "/me" {
					got += fmt.Sprintln(s.Method, s.URL.RequestURI())
				}
			}
			if strings.Contains(got, tt.want) && !strings.Contains(h.LogText(), "deny is compared with the address before") {
				t.Errorf("%s: answered %d; the portal got %s", tt.target, p.Status, got)
			}
		})
	}
	const words = "deny is compared with the address before"
	for name, site := range map[string]string{
		"by path alone": strings.Replace(gate, "realm edge", "realm edge\ndeny /xmlrpc.php", 1) + "route {\nuri query act>action\nmethod PUT\nreverse_proxy 127.0.0.1:1\n}",
		"before":        "uri query act>action\n" + gates + "reverse_proxy 127.0.0.1:1",
	} {
		if got := warnings(t, site, words); got != 0 {
			t.Errorf("%s: %d warnings", name, got)
		}
	}
}

// TestAttack_G6_DenyBehindAnEncodedPrefix: a prefix may be spelt encoded in the configuration.
func TestAttack_G6_DenyBehindAnEncodedPrefix(t *testing.T) {
	e := &echo{}
	h := harness.StartSite(t, e, "route {\n"+strings.Replace(gate, "realm edge", "realm edge\ndeny /xmlrpc.php", 1)+"uri strip_prefix /%6Fld\nreverse_proxy PORTAL\n}")
	b := h.Browser()
	for _, path := range []string{"/%6Fld/xmlrpc.php", "/%6fld/xmlrpc.php", "/old/xmlrpc.php"} {
		if p := b.Do(b.Request(http.MethodPost, path, nil)); p.Status != http.StatusForbidden {
			t.Errorf("%s: %d", path, p.Status)
		}
	}
	if got := len(e.at("/xmlrpc.php")); got > 0 {
		t.Errorf("the portal got it %d times", got)
	}
}
