//go:build browser && portals

package e2e

import (
	"testing"

	"github.com/secondgate/secondgate/internal/demoportal"
	"github.com/secondgate/secondgate/templates/templatestest"
	"github.com/secondgate/secondgate/test/kit/browser"
)

// demoDirectives are those of Caddyfile.example.
const demoDirectives = `
		issuer "Oma Avaruus"
		whoami /account {
			anonymous redirect /login*
			user html "#account-id" value
			name html .username
			email html "#account-email" value
		}
		sign_in /login /api/login {
			page /login
			username login
			password password
		}
		sign_out /logout
		support support@oma-avaruus.example`

func demoSite(t *testing.T, binary string) site {
	t.Helper()
	s, _ := demoSiteAt(t, binary)
	return s
}

// demoSiteAt is demoSite, and the portal's address.
func demoSiteAt(t *testing.T, binary string) (site, string) {
	t.Helper()
	portal, err := demoportal.Start(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return demoBehind(start(t, binary, demoDirectives, portal.URL)), portal.URL
}

func demoBehind(g *gateway) site {
	alice := demoportal.Customers()[0]
	return site{
		gateway: g,
		login: func(b *browser.Browser, name, password string) {
			b.Type("#login", name)
			b.Type("#password", password)
			b.Follow("#login-form button")
		},
		logout: func(b *browser.Browser) { b.Follow("a.sign-out") },
		user: func(b *browser.Browser) string {
			if !b.Has(".username") {
				return ""
			}
			return b.Text(".username")
		},
		page: "/invoices?year=2026",
		name: alice.Name, password: alice.Password,
		aliases: []string{"ALICE", alice.Email, " Alice "},
	}
}

func TestDemoPortal(t *testing.T) {
	t.Parallel()
	s := demoSite(t, built(t, plainBinary))
	journey(t, browser.Start(t), s, "demo", true)
}

func TestDemoPortalWithoutScripts(t *testing.T) {
	t.Parallel()
	s := demoSite(t, built(t, plainBinary))
	b := browser.Start(t)
	b.ScriptsOff()
	journey(t, b, s, "demo-noscript", false)
}

func TestDemoPortalFromRightToLeft(t *testing.T) {
	t.Parallel()
	s := demoSite(t, built(t, rtlBinary))
	b := browser.Start(t)
	b.Language(templatestest.RTL)
	b.Open(s.URL + "/two-factor/help")
	if dir := b.Attribute("html", "dir"); dir != "rtl" {
		t.Fatalf("direction %q", dir)
	}
	journey(t, b, s, "demo-rtl", true)
}
