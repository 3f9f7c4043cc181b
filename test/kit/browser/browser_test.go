//go:build browser

package browser

import (
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/demoportal"
	"github.com/secondgate/secondgate/test/kit/need"
)

func startPortal(t *testing.T) string {
	t.Helper()
	s, err := demoportal.Start(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return s.URL
}

// signIn goes through the demo portal's sign-in form.
func signIn(b *Browser, portal string) {
	b.Open(portal + "/invoices")
	b.Type("#login", "somebody else")
	b.Type("#login", "Alice@example.test")
	b.Type("#password", "Correct-Horse-1")
	b.Click("input[name=remember]")
	b.Follow("button[type=submit]")
}

func TestJourney(t *testing.T) {
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts=%t", scripts), func(t *testing.T) {
			portal := startPortal(t)
			b := Start(t)
			if !scripts {
				b.ScriptsOff()
			}
			signIn(b, portal)
			if b.URL() != portal+"/invoices" || b.Status() != http.StatusOK {
				t.Errorf("at %s with status %d", b.URL(), b.Status())
			}
			if got := b.Text(".username"); got != "alice" {
				t.Errorf("user name %q", got)
			}
			var names []string
			for _, c := range b.Cookies() {
				names = append(names, c.Name)
			}
			slices.Sort(names)
			if want := []string{"portal_remember", "portal_session"}; !slices.Equal(names, want) {
				t.Errorf("cookies %v, want %v", names, want)
			}
			b.Follow("a[href='/account']")
			if got := b.Value("#account-id"); got != "1001" {
				t.Errorf("customer number %q", got)
			}
			if !b.Has("input[readonly]") || b.Has(".error") || b.Count("input[readonly]") != 3 {
				t.Error("elements are counted wrongly")
			}
			b.Follow(".sign-out")
			if b.URL() != portal+"/" || b.Has(".username") {
				t.Errorf("still signed in at %s", b.URL())
			}
		})
	}
}

func TestScriptsOffRunsNone(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<p id="language">%s</p><p id="p">before</p><script>p.textContent="after"</script>`,
			r.Header.Get("Accept-Language"))
	}))
	t.Cleanup(server.Close)
	b := Start(t)
	b.Language("ar")
	b.Open(server.URL)
	if got := b.Text("#p"); got != "after" {
		t.Errorf("with scripts: %q", got)
	}
	if got := b.Text("#language"); got != "ar" {
		t.Errorf("language %q", got)
	}
	b.ScriptsOff()
	b.Reload()
	if got := b.Text("#p"); got != "before" {
		t.Errorf("without scripts: %q", got)
	}
}

func TestCookiesArePlantedAndForgotten(t *testing.T) {
	portal := startPortal(t)
	b := Start(t)
	b.SetCookie(portal, "portal_session", "chosen0by0attacker")
	b.Open(portal + "/login")
	if c := b.Cookies(); len(c) != 1 || c[0].Value != "chosen0by0attacker" {
		t.Errorf("cookies %v", c)
	}
	b.ClearCookies()
	if c := b.Cookies(); len(c) != 0 {
		t.Errorf("cookies %v", c)
	}
}

func TestScreenshots(t *testing.T) {
	t.Setenv(wanted, "1")
	portal := startPortal(t)
	b := Start(t)
	signIn(b, portal)
	b.Open(portal + "/account")
	b.CheckFits()
	for scheme, query := range map[string]string{
		"light": "(prefers-color-scheme: light)", "dark": "(prefers-color-scheme: dark)", "forced": "(forced-colors: active)",
	} {
		b.look(1280, scheme)
		if !Evaluate[bool](b, "matchMedia('"+query+"').matches") {
			t.Errorf("the page doesn't see %s", query)
		}
	}
	b.Screenshot("demoportal-account")
	for _, l := range looks {
		file, err := os.Open(filepath.Join(need.Root(t), "test", "out", "screenshots", fmt.Sprintf("demoportal-account-%d-%s.png", l.width, l.scheme)))
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.DecodeConfig(file)
		if err != nil || int64(picture.Width) != l.width {
			t.Errorf("%s: width %d, %v", file.Name(), picture.Width, err)
		}
		file.Close()
	}
}

// TestAxe checks that Axe reports a page under a strict policy that breaks one rule, and another
// one that breaks a rule in dark mode only.
func TestAxe(t *testing.T) {
	portal := startPortal(t)
	b := Start(t)
	b.Open(portal + "/login")
	b.CheckAxe()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_, _ = w.Write([]byte(`<!DOCTYPE html><html lang="en"><title>x</title>
<style>@media (prefers-color-scheme: dark) { body { background: #222; color: #333 } }</style>
<main><h1>Heading</h1><input name="code"></main>`))
	}))
	t.Cleanup(server.Close)
	b.Open(server.URL)
	found := b.Axe()
	if len(found) != 2 || found[0].ID != "label" || !strings.Contains(found[0].String(), `name="code"`) || found[1].ID != "color-contrast" {
		t.Errorf("found %v, want the missing label, and the faint heading in dark", found)
	}
}

func TestSettleWaitsForTheIcon(t *testing.T) {
	icon := make(chan struct{}, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			time.Sleep(200 * time.Millisecond) // what has to be waited for
			icon <- struct{}{}
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<link rel="icon" href="/icon.svg"><p>page`))
	}))
	t.Cleanup(server.Close)
	b := Start(t)
	b.Open(server.URL)
	b.Settle()
	if len(icon) == 0 {
		t.Error("settled before the icon was there")
	}
}
