//go:build browser && portals

package e2e

import (
	"regexp"
	"testing"

	"github.com/secondgate/secondgate/test/kit/browser"
	"github.com/secondgate/secondgate/test/kit/portals"
)

const settingsLink = "a.secondgate-link"

// pieces are what `link` may put into a page.
var pieces = regexp.MustCompile(`(<li>)?<a href="/two-factor/" class="secondgate-link">[^<]*</a>(</li>)?`)

// chance matches what differs between two requests for the same page: WordPress proposes a new
// password, DokuWiki prints the time.
var chance = regexp.MustCompile(` data-pw="[^"]*"|taskrunner\.php[^"]*|"time":"[0-9]+"`)

// linked is a site with the line that docs/caddyfile.md gives for its portal.
func linked(t *testing.T, s site, directives, portal string) site {
	t.Helper()
	s.gateway = start(t, built(t, plainBinary), directives, portal)
	return s
}

func TestLinkInDemoPortal(t *testing.T) {
	t.Parallel()
	s, portal := demoSiteAt(t, built(t, plainBinary))
	s = linked(t, s, demoDirectives+"\n\t\tlink a.sign-out before \"Two-factor authentication\"", portal)
	linkJourney(t, s, "demo", func(c *client) { c.post("/login", "login", s.name, "password", s.password) })
}

func TestLinkInDokuWiki(t *testing.T) {
	t.Parallel()
	portal := portals.DokuWiki(t)
	s := linked(t, dokuwikiSite(t, portal), "\t\tportal dokuwiki\n\t\tlink \"#dokuwiki__usertools .logout\" before \"Two-factor authentication\"", portal.URL)
	linkJourney(t, s, "dokuwiki", func(c *client) { c.post("/doku.php?id=start", "do", "login", "u", s.name, "p", s.password) })
}

func TestLinkInWordPress(t *testing.T) {
	t.Parallel()
	portal := portals.WordPress(t)
	s := linked(t, wordpressSite(t, portal), "\t\tportal wordpress\n\t\tlink \"#wp-admin-bar-logout\" before \"Second factor\"", portal.URL)
	linkJourney(t, s, "wordpress", func(c *client) { c.post("/wp-login.php", "log", s.name, "pwd", s.password) })
}

// linkJourney: without scripts, strangers see no link, and customers reach their settings by it.
// Apart from the link the page equals the one that a script gets.
func linkJourney(t *testing.T, s site, shots string, signIn func(*client)) {
	b := browser.Start(t)
	b.ScriptsOff()
	b.Open(s.URL + s.page)
	if b.Has(settingsLink) {
		t.Error("a stranger sees the link")
	}
	s.login(b, s.name, s.password)
	b.Open(s.URL + s.page)
	if b.Count(settingsLink) != 1 {
		t.Fatalf("%d links on the page\n%s", b.Count(settingsLink), b.HTML())
	}
	b.Screenshot("link-" + shots)
	b.Open(s.URL + b.Attribute(settingsLink, "href"))
	if !b.Has(`a[href$="/setup"]`) {
		t.Errorf("the link leads to %s\n%s", b.URL(), b.Text("body"))
	}

	c := newClient(t, s.URL)
	signIn(c)
	c.header.Set("Sec-Fetch-Mode", "cors")
	c.header.Set("Sec-Fetch-Dest", "empty")
	bare := chance.ReplaceAllString(c.get(s.page).body, "")
	c.header.Set("Sec-Fetch-Mode", "navigate")
	c.header.Set("Sec-Fetch-Dest", "document")
	page := chance.ReplaceAllString(c.get(s.page).body, "")
	if pieces.MatchString(bare) || !pieces.MatchString(page) || pieces.ReplaceAllString(page, "") != bare {
		t.Errorf("a script gets\n%s\nand a person\n%s", bare, page)
	}
}
