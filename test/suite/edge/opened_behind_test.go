package edge

import (
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// trusting is a gate that lets requests pass by their address.
func trusting(lists string) string {
	return "two_factor {\n" + harness.LegacyLines + "\nrequire always\nsupport a@example.com\n" + lists + "\n}\n"
}

// TestAttack_TrustBehindAPrefix: `trust` and `guest` would open any page of the portal if a
// handler behind the gate strips the prefix. Such a configuration is refused; ordinary ones are
// not.
func TestAttack_TrustBehindAPrefix(t *testing.T) {
	const proxy = "reverse_proxy PORTAL\n"
	load := loader(t)
	for name, tt := range map[string]struct{ site, want string }{
		"handle_path":       {trusting("trust /hooks/*") + "handle_path /hooks/* {\n" + proxy + "}\nhandle {\n" + proxy + "}", "trust /hooks/*: handle_path or uri strip_prefix behind two_factor removes /hooks"},
		"strip_prefix":      {"route {\n" + trusting("trust /hooks/*") + "uri strip_prefix /hooks\n" + proxy + "}", "trust /hooks/NAME /NAME"},
		"guest":             {trusting("guest /hooks/*") + "handle_path /hooks/* {\n" + proxy + "}\nhandle {\n" + proxy + "}", "guest /hooks/*: "},
		"matcher":           {"@h {\npath /hooks/pay\nremote_ip 192.0.2.0/24\n}\n" + trusting("trust @h") + "handle_path /hooks/* {\n" + proxy + "}\nhandle {\n" + proxy + "}", "the portal gets /pay"},
		"both are named":    {trusting("trust /hooks/pay /pay") + "handle_path /hooks/* {\n" + proxy + "}\nhandle {\n" + proxy + "}", ""},
		"another prefix":    {trusting("trust /hooks/*") + "handle_path /app/* {\n" + proxy + "}\nhandle {\n" + proxy + "}", ""},
		"handle":            {trusting("trust /hooks/*") + "handle /hooks/* {\n" + proxy + "}\nhandle {\n" + proxy + "}", ""},
		"files":             {trusting("guest /files/*") + "handle_path /files/* {\nroot /srv\nfile_server\n}\nhandle {\n" + proxy + "}", ""},
		"public":            {trusting("public /files/*") + "handle_path /files/* {\n" + proxy + "}\nhandle {\n" + proxy + "}", ""},
		"a gate for itself": {"handle_path /hooks/* {\n" + proxy + "}\nhandle {\n" + trusting("trust /hooks/*") + proxy + "}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := load(tt.site)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("loading says %v, want %q", err, tt.want)
			}
		})
	}
}

// TestAttack_TrustOfTheRest: with both addresses named, nothing else of the portal is opened.
func TestAttack_TrustOfTheRest(t *testing.T) {
	h := harness.StartSite(t, &harness.Legacy{}, "@h path_regexp ^/hooks/\n"+trusting("trust @h /ping")+"handle_path /hooks/* {\nreverse_proxy PORTAL\n}\nhandle {\nreverse_proxy PORTAL\n}")
	b := h.Browser()
	b.Post("/hooks/login", map[string][]string{"user": {"alice"}, "password": {"pw-alice"}})
	if p := b.Get("/hooks/account"); strings.Contains(p.Body, harness.SecretOf("alice")) {
		t.Errorf("without a code: %d %s", p.Status, p.Body)
	}
	if p := b.Get("/hooks/ping"); p.Status == http.StatusServiceUnavailable {
		t.Errorf("what is named on both sides: %d %s", p.Status, p.Body)
	}
}

// TestTrustBeforeRewrite: which address a rewrite behind the gate makes can't be foretold.
func TestTrustBeforeRewrite(t *testing.T) {
	for name, tt := range map[string]struct {
		site     string
		warnings int
	}{
		"captures":           {"route {\n" + trusting("trust /hooks/*") + "@h path_regexp h ^/hooks/(.*)$\nrewrite @h /{re.h.1}\nreverse_proxy 127.0.0.1:1\n}", 1},
		"query":              {"@h query a=hook\nroute {\n" + trusting("trust @h") + "uri query b>c\nreverse_proxy 127.0.0.1:1\n}", 1},
		"a front controller": {"route {\n" + trusting("trust /hooks/*") + "rewrite * /index.php?{query}\nreverse_proxy 127.0.0.1:1\n}", 0},
		"query, by path":     {"route {\n" + trusting("trust /hooks/*") + "uri query b>c\nreverse_proxy 127.0.0.1:1\n}", 0},
		"no trust":           {"route {\n" + trusting("") + "@h path_regexp h ^/hooks/(.*)$\nrewrite @h /{re.h.1}\nreverse_proxy 127.0.0.1:1\n}", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := warnings(t, tt.site, "requests pass because of their address before"); got != tt.warnings {
				t.Errorf("%d warnings, want %d", got, tt.warnings)
			}
		})
	}
}
