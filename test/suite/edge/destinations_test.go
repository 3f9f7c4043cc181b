package edge

import (
	"strings"
	"testing"
)

type warned struct {
	site     string
	warnings int
}

func countWarnings(t *testing.T, words string, sites map[string]warned) {
	t.Helper()
	for name, tt := range sites {
		t.Run(name, func(t *testing.T) {
			if got := warnings(t, strings.ReplaceAll(tt.site, "PORTAL", "127.0.0.1:1"), words); got != tt.warnings {
				t.Errorf("%d warnings, want %d", got, tt.warnings)
			}
		})
	}
}

// TestAttack_PortalsBehindOneAddress: two portals are behind one gate at one address of an
// upstream. They differ by the Host header, the root of PHP, a rewrite or a variable, or one is
// behind the other. whoami reaches only one of them, so the server warns at start.
func TestAttack_PortalsBehindOneAddress(t *testing.T) {
	const p = "reverse_proxy PORTAL"
	handles := func(one, two string) string {
		return gate + "handle /blog/* {\n" + one + "\n}\nhandle {\n" + two + "\n}"
	}
	host := func(name string) string { return p + " {\nheader_up Host " + name + "\n}" }
	countWarnings(t, "so a sign-in there is not detected", map[string]warned{
		"Host":                 {handles(host("blog.internal"), host("shop.internal")), 1},
		"Host of a handler":    {handles("request_header Host blog.internal\n"+p, p), 1},
		"root of PHP":          {handles("root /srv/blog\nphp_fastcgi PORTAL", "root /srv/shop\nphp_fastcgi PORTAL"), 1},
		"rewrite of the proxy": {handles(p+" {\nrewrite /apps{uri}\n}", p+" {\nrewrite /shop{uri}\n}"), 1},
		"variable":             {handles("vars up 127.0.0.1:2\nreverse_proxy {vars.up}", "vars up 127.0.0.1:1\nreverse_proxy {vars.up}"), 1},
		"dynamic":              {handles("reverse_proxy {\ndynamic a blog.internal 80\nlb_policy client_ip_hash\n}", "reverse_proxy {\ndynamic a shop.internal 80\nlb_policy client_ip_hash\n}"), 1},
		"map behind":           {"route {\n" + gate + "map {path} {up} {\n~^/blog/ 127.0.0.1:2\ndefault 127.0.0.1:1\n}\nreverse_proxy {up}\n}", 1},
		"fallback":             {gate + p + " {\n@none status 404\nhandle_response @none {\nreverse_proxy 127.0.0.1:2\n}\n}", 1},
		"intercepted":          {gate + "intercept {\n@none status 404\nhandle_response @none {\nreverse_proxy 127.0.0.1:2\n}\n}\n" + p, 1},
		"error pages":          {gate + "reverse_proxy /m* PORTAL {\n@e status 5xx\nhandle_response @e {\nrespond oops 502\n}\n}\nreverse_proxy 127.0.0.1:2", 1},
		"path in it":           {gate + "reverse_proxy {path.0}:80", 1},
		"root by the path":     {gate + "handle {\nroot /srv/{path.0}\nphp_fastcgi PORTAL\n}", 1},
		"capture in it":        {"@app path_regexp app ^/(m\\w+)\n" + gate + "reverse_proxy @app {re.app.1}:80\nreverse_proxy 127.0.0.1:1", 2},

		"the same Host":        {handles(host("shop.internal"), host("shop.internal")), 0},
		"the host as it is":    {handles(host("{host}"), p), 0},
		"hostport as it is":    {handles(host("{http.request.hostport}"), p), 0},
		"one root":             {"root /srv/shop\n" + handles("php_fastcgi PORTAL", "php_fastcgi PORTAL"), 0},
		"one variable":         {handles("vars up 127.0.0.1:1\nreverse_proxy {vars.up}", "vars up 127.0.0.1:1\nreverse_proxy {vars.up}"), 0},
		"variable before":      {"vars /blog/* up 127.0.0.1:2\nvars /x/* up 127.0.0.1:1\n" + gate + "reverse_proxy {vars.up}", 0},
		"map before":           {"map {path} {up} {\n~^/blog/ 127.0.0.1:2\ndefault 127.0.0.1:1\n}\n" + gate + "reverse_proxy {up}", 0},
		"map of the host":      {"route {\n" + gate + "map {host} {up} {\na.example 127.0.0.1:2\ndefault 127.0.0.1:1\n}\nreverse_proxy {up}\n}", 0},
		"other headers":        {handles(p+" {\nheader_up X-Part blog\n}", p), 0},
		"files beside":         {handles("root /srv/static\nfile_server", "root /srv/shop\nphp_fastcgi PORTAL"), 0},
		"pages for errors":     {gate + p + " {\n@e status 5xx\nhandle_response @e {\nrespond oops 502\n}\n}", 0},
		"X-Accel-Redirect":     {gate + p + " {\n@accel header X-Accel-Redirect *\nhandle_response @accel {\nroot /srv\nrewrite {rp.header.X-Accel-Redirect}\nfile_server\n}\n}", 0},
		"redirections":         {gate + "redir /old /new\n" + p, 0},
		"same portal, handles": {handles("uri strip_prefix /blog\n"+p, p), 0},
	})
}

// TestAttack_PortalsByMappedHost: portals by host behind one gate, by `map`, `vars` and more.
func TestAttack_PortalsByMappedHost(t *testing.T) {
	const m = "map {host} {up} {\na.example.com 127.0.0.1:1\nb.example.com 127.0.0.1:2\n}\n"
	const hosts = "@a host a.example.com\n@b host b.example.com\n"
	countWarnings(t, "all of them share the realm", map[string]warned{
		"map":         {m + gate + "reverse_proxy {up}", 1},
		"vars":        {hosts + "vars @a up 127.0.0.1:1\nvars @b up 127.0.0.1:2\n" + gate + "reverse_proxy {vars.up}", 1},
		"vars, port":  {"&(x) {\nrespond x\n}\n:PORT {\nbind 127.0.0.1\n" + hosts + "vars @a up 127.0.0.1:1\nvars @b up 127.0.0.1:2\n" + gate + "reverse_proxy {vars.up}\n}", 1},
		"map behind":  {"route {\n" + gate + m + "reverse_proxy {up}\n}", 1},
		"map of vars": {"route {\n" + gate + "vars h {host}\nmap {vars.h} {up} {\na 127.0.0.1:1\nb 127.0.0.1:2\n}\nreverse_proxy {up}\n}", 1},
		"root of PHP": {gate + "root /srv/{host}\nphp_fastcgi 127.0.0.1:1", 1},
		"dynamic":     {gate + "reverse_proxy {\ndynamic a {host} 80\nlb_policy client_ip_hash\n}", 1},
		"Host":        {gate + "@a host a.example.com\nreverse_proxy @a 127.0.0.1:1 {\nheader_up Host one.internal\n}\nreverse_proxy 127.0.0.1:1 {\nheader_up Host two.internal\n}", 1},
		"header":      {gate + "reverse_proxy {header.Host}:80", 1},
		"expression":  {"@a expression host('a.example.com')\n@b expression host('b.example.com')\n" + gate + "reverse_proxy @a 127.0.0.1:1\nreverse_proxy @b 127.0.0.1:2", 1},

		"Host as it is":   {gate + "reverse_proxy 127.0.0.1:1 {\nheader_up Host {host}\n}", 0},
		"map for headers": {m + gate + "reverse_proxy 127.0.0.1:1 {\nheader_up X-Tenant {up}\n}", 0},
		"files":           {"root /srv/{host}\n" + gate + "reverse_proxy 127.0.0.1:1\n", 0},
		"another part":    {hosts + gate + "reverse_proxy @a 127.0.0.1:1\nreverse_proxy /ws/* 127.0.0.1:2\nreverse_proxy 127.0.0.1:1", 0},
		"one host":        {"&(x) {\nrespond x\n}\nhttp://shop.example.com:PORT {\nbind 127.0.0.1\nroot /srv/{host}\n" + gate + "php_fastcgi 127.0.0.1:1\n}", 0},
	})
}

// TestAttack_WhoamiAnsweredByCaddy: Caddy itself answers whoami in the portal's place.
func TestAttack_WhoamiAnsweredByCaddy(t *testing.T) {
	redirect := strings.Replace(gate, "status 401", "redirect */login*", 1)
	const p = "\nreverse_proxy PORTAL"
	countWarnings(t, "in the portal's place", map[string]warned{
		"respond":   {gate + "respond /me 401" + p, 1},
		"respond @": {"@outside path /me\n" + gate + "handle @outside {\nrespond 401\n}\nhandle {" + p + "\n}", 1},
		"not local": {"@outside {\npath /me\nnot remote_ip 10.0.0.0/8\n}\n" + gate + "respond @outside 401" + p, 1},
		"redir":     {"route {\n" + redirect + "redir /me /login" + p + "\n}", 1},
		"the rest":  {gate + "handle /api/* {" + p + "\n}\nhandle {\nrespond 404\n}", 1},

		"another status":     {"@outside {\npath /me\nnot remote_ip 10.0.0.0/8\n}\n" + gate + "respond @outside 403" + p, 0},
		"another path":       {gate + "respond /health ok\nredir /old /new" + p, 0},
		"before":             {"route {\nrespond /me 401\n" + gate + p + "\n}", 0},
		"some clients":       {"@bots header User-Agent *bot*\n" + gate + "respond @bots 401" + p, 0},
		"no portal":          {gate + "respond hello", 0},
		"php":                {redirect + "root /nowhere\nphp_fastcgi 127.0.0.1:1\nfile_server", 0},
		"forward_auth":       {"route {\n" + gate + "forward_auth 127.0.0.1:3 {\nuri /verify\n}" + p + "\n}", 0},
		"redirected to a /":  {redirect + "@x path_regexp ^/(\\w+)//$\nredir @x /{re.1}/" + p, 0},
		"beside the gate":    {"handle /me {\nrespond 401\n}\nhandle {\n" + gate + p + "\n}", 0},
		"other authenticate": {"@b not header X-Key k\nhandle /b/* {\nrespond @b 401" + p + "\n}\nhandle {\n" + gate + p + "\n}", 0},
	})
}

// TestAttack_FailureTurnedIntoStranger: a handler behind the gate turns the portal's failure
// into what strangers get.
func TestAttack_FailureTurnedIntoStranger(t *testing.T) {
	redirect := strings.Replace(gate, "status 401", "redirect */login*", 1)
	proxied := func(match, does string) string {
		return "reverse_proxy PORTAL {\n@down " + match + "\nhandle_response @down {\n" + does + "\n}\n}"
	}
	countWarnings(t, "turns a failure of the portal", map[string]warned{
		"handle_response": {redirect + proxied("status 5xx", "redir * /login?down 302"), 1},
		"4xx":             {redirect + proxied("status 403 404", "redir * /login"), 1},
		"respond":         {gate + proxied("status 5xx", "respond 401"), 1},
		"intercept":       {redirect + "intercept {\n@down status 5xx\nhandle_response @down {\nredir * /login?down 302\n}\n}\nreverse_proxy PORTAL", 1},
		"replace_status":  {gate + "intercept {\n@down status 5xx\nreplace_status @down 401\n}\nreverse_proxy PORTAL", 1},

		"its own 401":    {redirect + proxied("status 401", "redir * /login"), 0},
		"error page":     {redirect + proxied("status 5xx", "respond oops 502"), 0},
		"elsewhere":      {redirect + proxied("status 5xx", "redir * /down"), 0},
		"replaced 404":   {gate + "intercept {\n@none status 403\nreplace_status @none 404\n}\nreverse_proxy PORTAL", 0},
		"before":         {"route {\nintercept {\n@down status 5xx\nreplace_status @down 401\n}\n" + gate + "reverse_proxy PORTAL\n}", 0},
		"files as asked": {gate + "reverse_proxy PORTAL {\n@accel header X-Sendfile *\nhandle_response @accel {\nfile_server\n}\n}", 0},
	})
}
