package edge

import (
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// warnings loads a site and returns how often its log has the words.
func warnings(t *testing.T, site, words string) int {
	t.Helper()
	if !strings.HasPrefix(site, "&(") {
		site = "http://127.0.0.1:PORT {\nbind 127.0.0.1\n" + site + "\n}\n"
	}
	h := harness.StartWhole(t, nil, "{\n"+harness.GlobalLines+"\ttwo_factor {\n\tstorage memory DIR\n}\n}\n"+site)
	return strings.Count(h.LogText(), words)
}

// TestUnaskedUpstreams: a GET of whoami's path never reaches some of the proxies
// behind the gate: a portal there lets its users in by password. The gate asks at /me.
func TestUnaskedUpstreams(t *testing.T) {
	const a, b = "reverse_proxy 127.0.0.1:1", "reverse_proxy 127.0.0.1:2"
	for name, tt := range map[string]struct {
		site     string
		warnings int
	}{
		"two portals by path":         {gate + "handle /blog/* {\n" + a + "\n}\nhandle {\n" + b + "\n}", 1},
		"whoami in the first":         {gate + "handle /m* {\n" + a + "\n}\nhandle {\n" + b + "\n}", 1},
		"stripped":                    {gate + "handle_path /me* {\n" + a + "\n}\nhandle {\n" + b + "\n}", 1},
		"without handle":              {gate + "reverse_proxy /blog/* 127.0.0.1:1\n" + b, 1},
		"method":                      {"@post method POST\n" + gate + "reverse_proxy @post 127.0.0.1:1\n" + b, 1},
		"not a method":                {"@get not method GET HEAD\n" + gate + "reverse_proxy @get 127.0.0.1:1\n" + b, 1},
		"three":                       {gate + "handle /x/* {\n" + a + "\n}\nhandle /y/* {\nreverse_proxy 127.0.0.1:3\n}\nhandle {\n" + b + "\n}", 2},
		"named route":                 {gate + "route {\nhandle /blog/* {\n" + a + "\n}\n" + b + "\n}", 1},
		"one portal":                  {gate + a, 0},
		"the same upstream":           {gate + "handle /blog/* {\n" + a + "\n}\nhandle {\n" + a + "\n}", 0},
		"a gate for each":             {"handle /blog/* {\n" + gate + a + "\n}\nhandle {\n" + gate + b + "\n}", 0},
		"beside the gate":             {"handle /blog/* {\n" + a + "\n}\nhandle {\n" + gate + b + "\n}", 0},
		"a matcher of something else": {"@de header Accept-Language de*\n" + gate + "reverse_proxy @de 127.0.0.1:1\n" + b, 0},
		"forward_auth behind":         {"route {\n" + gate + "forward_auth 127.0.0.1:3 {\nuri /verify\n}\n" + b + "\n}", 0},
		"one gate for two sites":      {"&(gate) {\n" + gate + "\n}\nhttp://a.example:PORT {\nbind 127.0.0.1\nroute {\ninvoke gate\n" + a + "\n}\n}\nhttp://b.example:PORT {\nbind 127.0.0.1\nroute {\ninvoke gate\n" + b + "\n}\n}\n", 0},
		"php":                         {gate + "root /nowhere\nphp_fastcgi 127.0.0.1:1\nfile_server", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := warnings(t, tt.site, "so a sign-in there is not detected"); got != tt.warnings {
				t.Errorf("%d warnings, want %d", got, tt.warnings)
			}
		})
	}
}

// TestDenyBeforeRewrite: a rewrite behind the gate may produce an address that `deny` would refuse
// and has not checked.
func TestDenyBeforeRewrite(t *testing.T) {
	shut := strings.Replace(gate, "{", "{\ndeny /xmlrpc.php", 1)
	for name, tt := range map[string]struct {
		site     string
		warnings int
	}{
		"path into the query": {"route {\n" + shut + "rewrite /p/* /x.php?route={path}\nreverse_proxy 127.0.0.1:1\n}", 1},
		"captures":            {"@p path_regexp p ^/p/(.*)\n" + shut + "handle {\nrewrite @p /{re.p.1}\nreverse_proxy 127.0.0.1:1\n}", 1},
		"a suffix":            {shut + "handle {\nuri strip_suffix .x\nreverse_proxy 127.0.0.1:1\n}", 1},
		"a replacement":       {shut + "handle {\nuri replace /p/ /\nreverse_proxy 127.0.0.1:1\n}", 1},
		"before the gate":     {shut + "rewrite /p/* /x.php?route={path}\nreverse_proxy 127.0.0.1:1", 0},
		"no deny":             {"route {\n" + gate + "rewrite /p/* /x.php?route={path}\nreverse_proxy 127.0.0.1:1\n}", 0},
		"a front controller":  {"route {\n" + shut + "rewrite * /index.php?{query}\nreverse_proxy 127.0.0.1:1\n}", 0},
		"the path behind":     {"route {\n" + shut + "rewrite * /app{uri}\nreverse_proxy 127.0.0.1:1\n}", 0},
		"a prefix":            {shut + "handle_path /app/* {\nreverse_proxy 127.0.0.1:1\n}", 0},
		"php":                 {shut + "root /nowhere\nphp_fastcgi 127.0.0.1:1\nfile_server", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := warnings(t, tt.site, "which is behind two_factor"); got != tt.warnings {
				t.Errorf("%d warnings, want %d", got, tt.warnings)
			}
		})
	}
}

// TestAttack_I4_PortalsByHost: portals behind one gate that differ by host share its realm. The
// server warns about them at start.
func TestAttack_I4_PortalsByHost(t *testing.T) {
	const matchers = "@a host a.example.com\n@b host b.example.com\n"
	for name, tt := range map[string]struct {
		site     string
		warnings int
	}{
		"hosts":           {matchers + gate + "reverse_proxy @a 127.0.0.1:1\nreverse_proxy @b 127.0.0.1:2", 1},
		"handles":         {matchers + gate + "handle @a {\nreverse_proxy 127.0.0.1:1\n}\nhandle @b {\nreverse_proxy 127.0.0.1:2\n}", 1},
		"address":         {gate + "reverse_proxy {labels.1}:80", 1},
		"the same portal": {matchers + gate + "reverse_proxy @a 127.0.0.1:1\nreverse_proxy @b 127.0.0.1:1", 0},
		"one host apart":  {matchers + gate + "reverse_proxy @a 127.0.0.1:1\nreverse_proxy 127.0.0.1:1", 0},
		"before the gate": {matchers + "handle @a {\n" + gate + "reverse_proxy 127.0.0.1:1\n}\nhandle @b {\n" + gate + "reverse_proxy 127.0.0.1:2\n}", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := warnings(t, tt.site, "all of them share the realm"); got != tt.warnings {
				t.Errorf("%d warnings, want %d", got, tt.warnings)
			}
		})
	}
}
