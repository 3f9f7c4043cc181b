//go:build browser && portals

package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/browser"
	"github.com/secondgate/secondgate/test/kit/portals"
)

const wordpressWhoIs = "/wp-json/wp/v2/users/me?_fields=id,name,slug"

func wordpressSite(t *testing.T, portal *portals.Portal) site {
	t.Helper()
	return wordpressBehind(start(t, built(t, plainBinary), "\t\tportal wordpress", portal.URL), portal)
}

func wordpressBehind(g *gateway, portal *portals.Portal) site {
	return site{
		gateway: g,
		login: func(b *browser.Browser, name, password string) {
			b.Settle() // a script moves the focus a moment after the page has loaded
			b.Type("#user_login", name)
			b.Type("#user_pass", password)
			b.Follow("#wp-submit")
		},
		logout: func(b *browser.Browser) {
			// The link is in a menu that opens under the mouse.
			b.Open(b.Attribute("#wp-admin-bar-logout a", "href"))
		},
		user: func(b *browser.Browser) string {
			if !b.Has("#user_login[disabled]") {
				return ""
			}
			return b.Value("#user_login")
		},
		page: "/wp-admin/profile.php?tab=one",
		name: portal.Alice.Name, password: portal.Alice.Password,
		aliases: []string{strings.ToUpper(portal.Alice.Email), "ALICE", " alice "},
	}
}

func TestWordPress(t *testing.T) {
	t.Parallel()
	s := wordpressSite(t, portals.WordPress(t))
	journey(t, browser.Start(t), s, "wordpress", true)
}

// TestWordPressSideDoors shows of each side door that it is open at the portal, and
// that at the gateway it is shut.
func TestWordPressSideDoors(t *testing.T) {
	t.Parallel()
	portal := portals.WordPress(t)
	wordpressDoors(t, wordpressSite(t, portal), portal)
}

func wordpressDoors(t *testing.T, s site, portal *portals.Portal) {
	t.Helper()
	enrolled := newClient(t, s.URL)
	enrolled.post("/wp-login.php", "log", "alice", "pwd", s.password)
	p, _ := enrolled.setUp()

	t.Run("XML-RPC", func(t *testing.T) {
		call := `<methodCall><methodName>wp.getUsersBlogs</methodName><params><param><value>alice</value></param>` +
			`<param><value>` + s.password + `</value></param></params></methodCall>`
		if got := newClient(t, portal.URL).do(http.MethodPost, "/xmlrpc.php", "text/xml", call); !strings.Contains(got.body, "blogName") {
			t.Fatalf("the portal does not answer XML-RPC: %s", got.body)
		}
		for _, path := range []string{"/xmlrpc.php", "//xmlrpc.php", "/xmlrpc%2ephp", "/wp-admin/..%2fxmlrpc.php", "/xmlrpc.php/x", "/XMLRPC.php"} {
			got := newClient(t, s.URL).do(http.MethodPost, path, "text/xml", call)
			if strings.Contains(got.body, "blogName") || path == "/xmlrpc.php" && got.StatusCode != http.StatusForbidden {
				t.Errorf("%s: status %d: %s", path, got.StatusCode, got.body)
			}
		}
	})
	t.Run("application passwords", func(t *testing.T) {
		password := applicationPassword(t, portal)
		ask := func(base, path string) reply {
			c := newClient(t, base)
			c.header.Set("Authorization", "Basic "+basic("alice", password))
			return c.get(path)
		}
		for _, path := range []string{wordpressWhoIs, "/?rest_route=/wp/v2/users/me", "/wp-json/wp/v2/users/me?context=edit"} {
			if got := ask(portal.URL, path); got.StatusCode != http.StatusOK {
				t.Fatalf("the portal refuses the application password at %s: %s", path, got.body)
			}
			if got := ask(s.URL, path); got.StatusCode == http.StatusOK || strings.Contains(got.body, "alice") {
				t.Errorf("%s with an application password: status %d: %s", path, got.StatusCode, got.body)
			}
		}
	})
	t.Run("raw cookies", func(t *testing.T) {
		direct := newClient(t, portal.URL)
		direct.post("/wp-login.php", "log", "alice", "pwd", s.password)
		const page = "/wp-admin/profile.php"
		if got := direct.get(page); got.at() != page {
			t.Fatalf("not signed in at the portal: %s", got.at())
		}
		thief := newClient(t, s.URL)
		thief.header.Set("Cookie", cookieHeader(t, direct, page))
		if got := thief.get(page); got.at() != "/wp-login.php" || strings.Contains(got.body, "alice") {
			t.Errorf("the portal's cookies lead to %s at the gateway", got.at())
		}
	})
	t.Run("any sign-in", func(t *testing.T) {
		for _, path := range []string{"/wp-login.php", "/wp-login.php?action=xyz", "//wp-login.php", "/wp%2Dlogin.php"} {
			c := newClient(t, s.URL)
			if got := c.post(path, "log", "alice", "pwd", s.password, "interim-login", "1"); !got.challenged() {
				t.Errorf("%s leads to %s with status %d", path, got.at(), got.StatusCode)
			}
			if got := c.get("/wp-admin/profile.php"); !got.challenged() {
				t.Errorf("after %s the profile is at %s", path, got.at())
			}
		}
	})
	t.Run("another user", func(t *testing.T) {
		c := newClient(t, s.URL)
		c.post("/wp-login.php", "log", "bob", "pwd", portal.Bob.Password)
		if got := c.get("/wp-admin/profile.php"); got.at() != "/wp-admin/profile.php" || !strings.Contains(got.body, `value="bob"`) {
			t.Errorf("bob, who has no second factor, is led to %s", got.at())
		}
	})
	s.keepsQuiet(append(p.shown, p.key.Secret(), s.password)...)
}

// applicationPassword makes one for alice, directly at the portal.
func applicationPassword(t *testing.T, portal *portals.Portal) string {
	t.Helper()
	c := newClient(t, portal.URL)
	c.post("/wp-login.php", "log", "alice", "pwd", portal.Alice.Password)
	c.header.Set("X-WP-Nonce", strings.TrimSpace(c.get("/wp-admin/admin-ajax.php?action=rest-nonce").body))
	const path = "/wp-json/wp/v2/users/me/application-passwords"
	c.do(http.MethodDelete, path, "", "") // those of earlier runs
	got := c.post(path, "name", "e2e")
	var made struct {
		Password string `json:"password"`
	}
	if err := json.Unmarshal([]byte(got.body), &made); err != nil || made.Password == "" {
		t.Fatalf("the portal makes no application password: %v: %s", err, got.body)
	}
	return made.Password
}
