//go:build browser && portals

package e2e

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/browser"
	"github.com/secondgate/secondgate/test/kit/portals"
)

const dokuwikiProfile = "/doku.php?id=start&do=profile"

func dokuwikiSite(t *testing.T, portal *portals.Portal) site {
	t.Helper()
	return dokuwikiBehind(start(t, built(t, plainBinary), "\t\tportal dokuwiki", portal.URL), portal)
}

func dokuwikiBehind(g *gateway, portal *portals.Portal) site {
	return site{
		gateway: g,
		login: func(b *browser.Browser, name, password string) {
			b.Follow("a[href*='do=login']")
			b.Type("#dw__login input[name=u]", name)
			b.Type("#dw__login input[name=p]", password)
			b.Follow("#dw__login button[type=submit]")
		},
		logout: func(b *browser.Browser) {
			b.Settle() // a late response would sign in again, with or without a gateway
			b.Follow("a[href*='do=logout']")
		},
		user: func(b *browser.Browser) string {
			if !b.Has("li.user") {
				return ""
			}
			return b.Text("li.user bdi:last-of-type")
		},
		page: "/doku.php?id=start",
		name: portal.Alice.Name, password: portal.Alice.Password,
		aliases: []string{"ALICE", " alice", "Alice "},
	}
}

func TestDokuWiki(t *testing.T) {
	t.Parallel()
	s := dokuwikiSite(t, portals.DokuWiki(t))
	journey(t, browser.Start(t), s, "dokuwiki", true)
}

// TestDokuWikiSideDoors tries to sign in where only DokuWiki lets one: on any URL, by
// GET, by Basic, by XML-RPC. Each is shown to work at the portal first.
func TestDokuWikiSideDoors(t *testing.T) {
	t.Parallel()
	portal := portals.DokuWiki(t)
	dokuwikiDoors(t, dokuwikiSite(t, portal), portal)
}

func dokuwikiDoors(t *testing.T, s site, portal *portals.Portal) {
	t.Helper()
	enrolled := newClient(t, s.URL)
	enrolled.post("/doku.php?id=start", "do", "login", "u", "alice", "p", s.password)
	p, _ := enrolled.setUp()
	alice := url.Values{"u": {"alice"}, "p": {s.password}}.Encode()

	t.Run("sign-in by GET", func(t *testing.T) {
		for _, path := range []string{"/doku.php?id=start&", "/doku.php?id=start&do=login&", "/feed.php?", "/lib/exe/fetch.php?media=wiki:dokuwiki-128.png&"} {
			direct := newClient(t, portal.URL)
			direct.get(path + alice)
			if got := direct.get(dokuwikiProfile); !strings.Contains(got.body, `value="alice"`) {
				t.Errorf("the portal does not sign in at %s: the test proves nothing", path)
			}
			c := newClient(t, s.URL)
			if got := c.get(path + alice); !got.challenged() {
				t.Errorf("%s leads to %s with status %d", path, got.at(), got.StatusCode)
			}
			if got := c.get(dokuwikiProfile); !got.challenged() {
				t.Errorf("after %s the profile is at %s", path, got.at())
			}
		}
	})
	t.Run("Basic", func(t *testing.T) {
		ask := func(base string) reply {
			c := newClient(t, base)
			c.header.Set("Authorization", "Basic "+basic("alice", s.password))
			return c.get(dokuwikiProfile)
		}
		if got := ask(portal.URL); !strings.Contains(got.body, `value="alice"`) {
			t.Fatal("the portal takes no Basic authentication: the test proves nothing")
		}
		if got := ask(s.URL); strings.Contains(got.body, `value="alice"`) {
			t.Errorf("Basic authentication leads to %s", got.at())
		}
	})
	t.Run("XML-RPC", func(t *testing.T) {
		call := `<methodCall><methodName>dokuwiki.login</methodName><params><param><value><string>alice</string></value></param>` +
			`<param><value><string>` + s.password + `</string></value></param></params></methodCall>`
		if got := newClient(t, portal.URL).do(http.MethodPost, "/lib/exe/xmlrpc.php", "text/xml", call); !strings.Contains(got.body, "<boolean>1") {
			t.Fatalf("the portal does not answer XML-RPC: %s", got.body)
		}
		if got := newClient(t, s.URL).do(http.MethodPost, "/lib/exe/xmlrpc.php", "text/xml", call); got.StatusCode != http.StatusForbidden {
			t.Errorf("status %d: %s", got.StatusCode, got.body)
		}
	})
	t.Run("raw cookies", func(t *testing.T) {
		direct := newClient(t, portal.URL)
		direct.get("/doku.php?id=start&" + alice)
		thief := newClient(t, s.URL)
		thief.header.Set("Cookie", cookieHeader(t, direct, "/"))
		if got := thief.get(dokuwikiProfile); strings.Contains(got.body, `value="alice"`) {
			t.Errorf("the portal's cookies lead to %s at the gateway", got.at())
		}
	})
	s.keepsQuiet(append(p.shown, p.key.Secret(), s.password)...)
}

func basic(name, password string) string {
	return base64.StdEncoding.EncodeToString([]byte(name + ":" + password))
}

// cookieHeader is what the client would send to its portal.
func cookieHeader(t *testing.T, c *client, path string) string {
	t.Helper()
	u, err := url.Parse(c.base + path)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, cookie := range c.jar.Cookies(u) {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	if len(pairs) == 0 {
		t.Fatal("the client has no cookies")
	}
	return strings.Join(pairs, "; ")
}
