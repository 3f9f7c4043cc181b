package edge

import (
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// up is a proxy that adds a header to requests.
func up(value string) string {
	return "reverse_proxy PORTAL {\n header_up X-Remote-User " + value + "\n}"
}

// loader loads sites one after another, and returns Caddy's errors.
func loader(t *testing.T) func(site string) error {
	h := harness.StartSite(t, &echo{}, gate+"reverse_proxy PORTAL")
	return func(site string) error {
		return h.TryLoad(strings.ReplaceAll(site, "PORTAL", strings.TrimPrefix(h.PortalURL, "http://")))
	}
}

// TestI1_RefusesWhatQuestionsDontHave: a question lacks the values that handlers behind the gate
// derive from a request's line, body or conditions. It also lacks opened cookies in values that
// handlers before the gate derive. A configuration that uses such a value is refused with the
// value, its origin and the remedy.
func TestI1_RefusesWhatQuestionsDontHave(t *testing.T) {
	load := loader(t)
	for name, tt := range map[string]struct{ site, want string }{
		"query":              {gate + up("{query.user}"), "credential query user"},
		"query in a text":    {gate + up(`"u-{query.user}"`), "header_up X-Remote-User"},
		"segment of a path":  {gate + up("{path.0}"), "{path.0}"},
		"file of a path":     {gate + up("{file}"), "before two_factor"},
		"body":               {gate + up("{http.request.body}"), "http.request.body"},
		"range":              {gate + up("{header.Range}"), "{header.Range}"},
		"trace":              {gate + up("{header.X-Request-Id}"), "{header.X-Request-Id}"},
		"request_header":     {gate + "request_header X-Remote-User {query.user}\nreverse_proxy PORTAL", "request_header X-Remote-User"},
		"name of a header":   {gate + "request_header {query.name} x\nreverse_proxy PORTAL", "{query.name}"},
		"map behind":         {"route {\n" + gate + "map {path} {who} {\n ~^/(\\w+) ${1}\n}\n" + up("{who}") + "\n}", "http.request.uri.path"},
		"map of a map":       {"route {\n" + gate + "map {uri} {a} {\n ~(.*) ${1}\n}\nmap {a} {who} {\n ~(.*) ${1}\n}\n" + up("{who}") + "\n}", "http.request.uri"},
		"vars behind":        {"route {\n" + gate + "vars who {query.user}\n" + up("{vars.who}") + "\n}", "{query.user}"},
		"captures behind":    {"@p path_regexp p ^/u/(\\w+)\nroute {\n" + gate + "handle @p {\n" + up("{re.p.1}") + "\n}\n}", "http.request.uri.path"},
		"vars_regexp behind": {"@p vars_regexp p {uri} ^/u/(\\w+)\nroute {\n" + gate + "handle @p {\n" + up("{re.p.1}") + "\n}\n}", "http.request.uri"},
		"expression behind":  {"@p expression `path_regexp('p', '^/u/(.*)')`\nroute {\n" + gate + "handle @p {\n" + up("{re.p.1}") + "\n}\n}", "http.request.uri"},
		"map of a cookie":    {"map {cookie.acct} {who} {\n ~(.*) ${1}\n}\n" + gate + up("{who}"), "{cookie.acct}"},
		"vars of a cookie":   {"vars who {cookie.acct}\n" + gate + up("{vars.who}"), "still sealed"},
		"upstream by query":  {gate + "reverse_proxy {query.node}:80", "credential query node"},
		"upstream by header": {gate + "reverse_proxy {header.X-Request-Id}:80", "the upstream of reverse_proxy"},
		"upstream by method": {"route {\n" + gate + "map {method} {to} {\n POST 127.0.0.1:1\n default 127.0.0.1:2\n}\nreverse_proxy {to}\n}", "http.request.method"},
		"dynamic by query":   {gate + "reverse_proxy {\n dynamic a {query.node} 80\n}", "{query.node}"},
		"FastCGI":            {gate + "php_fastcgi PORTAL {\n env REMOTE_USER {query.user}\n}", "transport"},
	} {
		t.Run(name, func(t *testing.T) {
			err := load(tt.site)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "two_factor: ") {
				t.Errorf("loading says %v, want %q", err, tt.want)
			}
		})
	}
}

// TestI1_TakesWhatQuestionsHave: ordinary configurations are not refused.
func TestI1_TakesWhatQuestionsHave(t *testing.T) {
	load := loader(t)
	for name, site := range map[string]string{
		"address of the request": gate + "reverse_proxy PORTAL {\n header_up X-Original-URI {uri}\n header_up X-Forwarded-Method {method}\n}",
		"declared parameter":     strings.Replace(gate, "two_factor {", "two_factor {\ncredential query user", 1) + up("{query.user}"),
		"map before":             "map {query.user} {who} {\n ~(.*) ${1}\n}\n" + gate + up("{who}"),
		"cookie behind":          gate + up("{cookie.acct}"),
		"left cookie before":     "map {cookie.acct} {who} {\n ~(.*) ${1}\n}\n" + strings.Replace(gate, "two_factor {", "two_factor {\nleave acct", 1) + up("{who}"),
		"header":                 gate + up("{header.X-Me}"),
		"hop by hop":             gate + "reverse_proxy PORTAL {\n header_up Connection {header.Connection}\n header_up Upgrade {header.Upgrade}\n header_up X-Request-Id {header.X-Request-Id}\n}",
		"response":               gate + "header X-Page {path.0}\nreverse_proxy PORTAL {\n header_down X-Q {query.a}\n}",
		"rewrite behind":         "route {\n" + gate + "rewrite /short /index.php?route={query.r}\nreverse_proxy PORTAL\n}",
		"forward_auth behind":    "route {\n" + gate + "forward_auth PORTAL {\n uri /verify\n copy_headers X-Account\n}\nreverse_proxy PORTAL\n}",
		"beside the gate":        "handle /other/* {\n" + up("{query.user}") + "\n}\nhandle {\n" + gate + "reverse_proxy PORTAL\n}",
		"upstream by path":       "route {\n" + gate + "map {path} {to} {\n /a PORTAL\n default PORTAL\n}\nvars to {to}\nreverse_proxy {vars.to}\n}",
		"host":                   "map {host} {tenant} {\n ~(.*) ${1}\n}\n" + gate + up("{tenant}"),
		"user":                   "map {query.user} {who} {\n ~(.*) ${1}\n}\ntwo_factor {\n user {who}\n}\n" + up("{query.user}"),
	} {
		t.Run(name, func(t *testing.T) {
			if err := load(site); err != nil {
				t.Error(err)
			}
		})
	}
}
