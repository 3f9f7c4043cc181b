package edge

import (
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_G6_DenyBehindAPrefix: a side door stays shut where a handler behind the gate
// takes a prefix off the path.
func TestAttack_G6_DenyBehindAPrefix(t *testing.T) {
	gates := strings.Replace(gate, "realm edge", "realm edge\ndeny /xmlrpc.php", 1)
	for name, site := range map[string]string{
		"handle_path":  gates + "handle_path /old/* {\nreverse_proxy PORTAL\n}\nhandle {\nreverse_proxy PORTAL\n}",
		"strip_prefix": "route {\n" + gates + "uri strip_prefix /old\nreverse_proxy PORTAL\n}",
		"in a handle":  gates + "handle /old/* {\nroute {\nuri strip_prefix /old\nreverse_proxy PORTAL\n}\n}\nhandle {\nreverse_proxy PORTAL\n}",
	} {
		t.Run(name, func(t *testing.T) {
			e := &echo{}
			b := harness.StartSite(t, e, site).Browser()
			for _, path := range []string{"/xmlrpc.php", "/old/xmlrpc.php", "/old//xmlrpc.php", "/%6fld/XMLRPC.php", "/old/xmlrpc.php/x"} {
				p := b.Do(b.Request(http.MethodPost, path, nil))
				if p.Status != http.StatusForbidden || len(e.at("/xmlrpc.php")) > 0 {
					t.Errorf("%s: answered %d %s", path, p.Status, p.Body)
				}
			}
			if p := b.Get("/old/page"); p.Status != http.StatusOK || len(e.at("/page")) != 1 {
				t.Errorf("a page: answered %d", p.Status)
			}
		})
	}
}
