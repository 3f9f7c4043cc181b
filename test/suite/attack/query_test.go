package attack

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_QueryHidesSideDoor: a query that one parser refuses is read by another.
func TestAttack_QueryHidesSideDoor(t *testing.T) {
	portal := &harness.Legacy{}
	h := harness.StartSite(t, portal, fmt.Sprintf(`@key query key=*
two_factor {
%s
deny @key
}
reverse_proxy PORTAL`, harness.LegacyLines))
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
