package edge

import (
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/house"
)

// TestAttack_PortalsBehindOneAddress: two portals behind one gate at one address of an
// upstream, told apart by the path and then by the Host header, the root of PHP or a
// variable: whoami meets only one of them, which has to be warned of as elsewhere.
func TestAttack_PortalsBehindOneAddress(t *testing.T) {
	for name, site := range map[string]string{
		"Host":                 gate + "handle /blog/* {\nreverse_proxy 127.0.0.1:1 {\nheader_up Host blog.internal\n}\n}\nhandle {\nreverse_proxy 127.0.0.1:1 {\nheader_up Host shop.internal\n}\n}",
		"root of PHP":          gate + "handle /blog/* {\nroot /srv/blog\nphp_fastcgi 127.0.0.1:1\n}\nhandle {\nroot /srv/shop\nphp_fastcgi 127.0.0.1:1\n}",
		"rewrite of the proxy": gate + "handle /blog/* {\nreverse_proxy 127.0.0.1:1 {\nrewrite /apps{uri}\n}\n}\nhandle {\nreverse_proxy 127.0.0.1:1 {\nrewrite /shop{uri}\n}\n}",
		"variable":             gate + "handle /blog/* {\nvars up 127.0.0.1:2\nreverse_proxy {vars.up}\n}\nhandle {\nvars up 127.0.0.1:1\nreverse_proxy {vars.up}\n}",
		"dynamic":              gate + "handle /blog/* {\nreverse_proxy {\ndynamic a blog.internal 80\nlb_policy client_ip_hash\n}\n}\nhandle {\nreverse_proxy {\ndynamic a shop.internal 80\nlb_policy client_ip_hash\n}\n}",
		"map behind":           "route {\n" + gate + "map {path} {up} {\n~^/blog/ 127.0.0.1:2\ndefault 127.0.0.1:1\n}\nreverse_proxy {up}\n}",
		"fallback":             gate + "reverse_proxy 127.0.0.1:1 {\n@none status 404\nhandle_response @none {\nreverse_proxy 127.0.0.1:2\n}\n}",
		"intercepted":          gate + "intercept {\n@none status 404\nhandle_response @none {\nreverse_proxy 127.0.0.1:2\n}\n}\nreverse_proxy 127.0.0.1:1",
		"error pages":          gate + "reverse_proxy /m* 127.0.0.1:1 {\n@e status 5xx\nhandle_response @e {\nrespond oops 502\n}\n}\nreverse_proxy 127.0.0.1:2",
		"path in it":           gate + "reverse_proxy /x/* {path.0}:80\nreverse_proxy 127.0.0.1:1",
	} {
		t.Run(name, func(t *testing.T) {
			if got := warnings(t, site, "so a sign-in there is not noticed"); got != 1 {
				t.Errorf("%d warnings, want 1", got)
			}
		})
	}
}

// TestAttack_PortalsByMappedHost: portals by host behind one gate, by `map` and `vars`.
func TestAttack_PortalsByMappedHost(t *testing.T) {
	for name, site := range map[string]string{
		"map":         "map {host} {up} {\na.example.com 127.0.0.1:1\nb.example.com 127.0.0.1:2\n}\n" + gate + "reverse_proxy {up}",
		"vars":        "@a host a.example.com\n@b host b.example.com\nvars @a up 127.0.0.1:1\nvars @b up 127.0.0.1:2\n" + gate + "reverse_proxy {vars.up}",
		"map behind":  "route {\n" + gate + "map {host} {up} {\na.example.com 127.0.0.1:1\nb.example.com 127.0.0.1:2\n}\nreverse_proxy {up}\n}",
		"root of PHP": gate + "root /srv/{host}\nphp_fastcgi 127.0.0.1:1",
		"dynamic":     gate + "reverse_proxy {\ndynamic a {host} 80\nlb_policy client_ip_hash\n}",
		"Host":        gate + "@a host a.example.com\nreverse_proxy @a 127.0.0.1:1 {\nheader_up Host one.internal\n}\nreverse_proxy 127.0.0.1:1 {\nheader_up Host two.internal\n}",
		"header":      gate + "reverse_proxy {header.Host}:80",
		"expression":  "@a expression host('a.example.com')\n@b expression host('b.example.com')\n" + gate + "reverse_proxy @a 127.0.0.1:1\nreverse_proxy @b 127.0.0.1:2",
	} {
		t.Run(name, func(t *testing.T) {
			if got := warnings(t, site, "all of them share the realm"); got != 1 {
				t.Errorf("%d warnings, want 1", got)
			}
		})
	}
}

// TestAttack_VirtualHostsOfOneUpstream: what the missing warning costs.
func TestAttack_VirtualHostsOfOneUpstream(t *testing.T) {
	shop, blog := &house.Legacy{}, &house.Legacy{}
	portal := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "blog.internal" {
			http.StripPrefix("/blog", blog).ServeHTTP(w, r)
			return
		}
		shop.ServeHTTP(w, r)
	})
	h := house.StartSite(t, portal, "two_factor {\n"+house.LegacyLines+"\n}\n"+
		"handle /blog/* {\nreverse_proxy PORTAL {\nheader_up Host blog.internal\n}\n}\nhandle {\nreverse_proxy PORTAL {\nheader_up Host shop.internal\n}\n}")
	owner := h.Browser()
	owner.SignInAndGo("alice")
	owner.Enrol()
	thief := h.Browser()
	thief.Get("/blog/")
	thief.Post("/blog/login", map[string][]string{"user": {"alice"}, "password": {"pw-alice"}})
	if p := thief.Get("/blog/account"); strings.Contains(p.Body, house.SecretOf("alice")) && !strings.Contains(h.LogText(), "so a sign-in there is not noticed") {
		t.Errorf("without a code or a warning: %d %s", p.Status, p.Body)
	}
}
