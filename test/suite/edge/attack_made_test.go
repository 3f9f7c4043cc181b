package edge

import (
	"strings"
	"testing"
)

// TestAttack_Q1_MadeOtherwise: values that handlers behind the gate derive from a request's line
// are refused, under every name and in every handler.
func TestAttack_Q1_MadeOtherwise(t *testing.T) {
	load := loader(t)
	for name, site := range map[string]string{
		"capture by number":       "@p path_regexp p ^/u/(\\w+)\nroute {\n" + gate + "handle @p {\n" + up("{re.1}") + "\n}\n}",
		"capture by its own name": "@p path_regexp p ^/u/(?P<who>\\w+)\nroute {\n" + gate + "handle @p {\n" + up("{re.who}") + "\n}\n}",
		"expression by number":    "@p expression `path_regexp('p', '^/u/(.*)')`\nroute {\n" + gate + "handle @p {\n" + up("{re.1}") + "\n}\n}",
		"file of a query":         "@f file {\n try_files /{query.user}\n}\nroute {\n" + gate + "handle @f {\n" + up("{file_match.relative}") + "\n}\n}",
		"intercept":               "route {\n" + gate + "intercept {\n @gone status 404\n handle_response @gone {\n" + up("{query.user}") + "\n}\n}\nreverse_proxy PORTAL\n}",
		"forward_auth":            "route {\n" + gate + "forward_auth PORTAL {\n uri /verify?user={query.user}\n copy_headers X-Remote-User\n}\nreverse_proxy PORTAL\n}",
		"replaced":                "route {\n" + gate + "reverse_proxy PORTAL {\n header_up X-Remote-User {uri}\n header_up X-Remote-User \".*user=(.*)\" $1\n}\n}",
		"user of a query":         "route {\n" + gate + "vars http.auth.user.id {query.user}\n" + up("{http.auth.user.id}") + "\n}",
		"REMOTE_USER":             "route {\n" + gate + "vars http.auth.user.id {query.user}\nphp_fastcgi PORTAL\n}",
		"header of a header":      "route {\n" + gate + "request_header X-Line {uri}\nmap {header.x-line} {who} {\n ~user=(.*) ${1}\n}\n" + up("{who}") + "\n}",
	} {
		t.Run(name, func(t *testing.T) {
			err := load(site)
			if err == nil || !strings.Contains(err.Error(), "two_factor: ") {
				t.Errorf("loading says %v", err)
			}
		})
	}
}
