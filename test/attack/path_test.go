package attack

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/house"
)

// TestAttack_SessionSegmentHidesPath: a session id in a segment of its own is taken
// out of the path, and what the portal then sees is what the rules must hold for.
func TestAttack_SessionSegmentHidesPath(t *testing.T) {
	portal := &house.Legacy{}
	h := house.Start(t, portal, house.LegacyLines+"\ndeny /xmlrpc.php\nguest / /login*\ntrust /hooks/*")
	b := h.Browser()
	b.Get("/")
	for _, segment := range []string{"/PHPSESSID=x", "/(S(abc))", "/x;a=b/..;PHPSESSID=1", "/phpsessid=1/JSESSIONID=2", "/a/PHPSESSID=1/..", "/%28S(abc))", "/sg%2dx/(A(q))/.."} {
		for _, path := range []string{segment + "/xmlrpc.php", "/login" + segment + "/../account", "/hooks" + segment + "/../account", "/xmlrpc.php" + segment} {
			before := len(portal.Requests())
			p := b.Get(path)
			for _, r := range portal.Requests()[before:] {
				if clean := r.URL.Path; strings.Contains(clean, "xmlrpc") || strings.Contains(clean, "account") {
					t.Errorf("%s: reached the portal as %q with status %d", path, r.RequestURI, p.Status)
				}
			}
		}
	}
}

// TestAttack_QueryHidesSideDoor: a query that one parser refuses is read by another.
func TestAttack_QueryHidesSideDoor(t *testing.T) {
	portal := &house.Legacy{}
	h := house.StartSite(t, portal, fmt.Sprintf(`@key query key=*
two_factor {
%s
deny @key
}
reverse_proxy PORTAL`, house.LegacyLines))
	b := h.Browser()
	b.Get("/")
	for _, query := range []string{"key=1", "key=1&x=%zz", "key=1&x=;", "a;key=1", "k%65y=1", "+key=1", "%20key=1", "key[]=1", "key%00x=1", "key%5Ba%5D=1"} {
		before := len(portal.Requests())
		r := b.Request(http.MethodGet, "/api", nil)
		r.URL.RawQuery = query
		if p := b.Do(r); p.Status != http.StatusForbidden || len(portal.Requests()) > before {
			t.Errorf("?%s: %d", query, p.Status)
		}
	}
	if p := b.Get("/api?q=100%"); p.Status != http.StatusOK {
		t.Errorf("an honest query: %d", p.Status)
	}
}
