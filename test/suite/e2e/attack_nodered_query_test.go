//go:build browser && portals

package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/portals"
)

// TestAttack_NodeREDTokenInBrackets: Express reads `[access_token]` as `access_token` (qs). A
// token of alice, who owes a code, has no effect in a query under that spelling either.
func TestAttack_NodeREDTokenInBrackets(t *testing.T) {
	portal := portals.NodeRED(t)
	g := start(t, built(t, plainBinary), "\t\tportal node-red", portal.URL)
	alice := newEditor(t, g.URL)
	if alice.signIn(portal.Alice); alice.token == "" {
		t.Fatal("alice can't sign in")
	}
	token := alice.token // of before the set-up
	alice.page().setUp()
	for _, name := range []string{"access_token", "[access_token]", "%5Baccess_token%5D", "[access%5Ftoken]"} {
		res, err := http.Get(g.URL + "/settings?" + name + "=" + url.QueryEscape(token))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if strings.Contains(string(body), `"username":"alice"`) {
			t.Errorf("%s: a stranger reads alice's settings: %d", name, res.StatusCode)
		}
	}
}
