//go:build browser && portals

package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/browser"
	"github.com/secondgate/secondgate/test/kit/portals"
)

// phpmyadminForm is phpMyAdmin's sign-in form at its sign-in address, where its own links lead.
const phpmyadminForm = "/index.php?route=/"

func phpmyadminBehind(g *gateway, portal *portals.Portal) site {
	return site{
		gateway: g,
		login: func(b *browser.Browser, name, password string) {
			b.Settle() // its scripts send the form only when they have loaded
			b.Type("#input_username", name)
			b.Type("#input_password", password)
			b.Follow("#input_go")
		},
		user: func(b *browser.Browser) string {
			return browser.Evaluate[string](b, `window.CommonParams && CommonParams.get("logged_in") ? CommonParams.get("user") : ""`)
		},
		page: phpmyadminForm,
		name: portal.Alice.Name, password: portal.Alice.Password,
	}
}

// TestPhpMyAdmin is a customer's way through phpMyAdmin, with the preset and with its
// settings written out.
func TestPhpMyAdmin(t *testing.T) {
	t.Parallel()
	portal := portals.PhpMyAdmin(t)
	for name, directives := range map[string]string{"preset": "\t\tportal phpmyadmin", "written out": writtenOut(t, "phpmyadmin")} {
		t.Run(name, func(t *testing.T) {
			phpmyadminJourney(t, phpmyadminBehind(start(t, built(t, plainBinary), directives, portal.URL), portal), portal)
		})
	}
}

// writtenOut is what `secondgate presets` prints of a preset inside two_factor.
func writtenOut(t *testing.T, preset string) string {
	t.Helper()
	out, err := exec.Command(built(t, plainBinary), "presets", preset).Output()
	if err != nil {
		t.Fatalf("printing the preset %s: %v", preset, err)
	}
	_, settings, _ := strings.Cut(string(out), "\ttwo_factor {\n")
	settings, _, found := strings.Cut(settings, "\n\t}\n")
	if !found {
		t.Fatalf("no two_factor in\n%s", out)
	}
	return settings
}

func phpmyadminJourney(t *testing.T, s site, portal *portals.Portal) {
	t.Helper()
	b := browser.Start(t)
	took := func(what string, step func()) {
		t.Helper()
		began := time.Now()
		step()
		t.Logf("%s took %v", what, time.Since(began).Round(10*time.Millisecond))
	}
	signIn := func(page, name, password string) {
		t.Helper()
		took("the form at "+page, func() { b.Open(s.URL + page) })
		took("the sign-in of "+name, func() { s.login(b, name, password) })
	}
	signOut := func() {
		t.Helper()
		b.Settle()
		took("the sign-out", func() { b.Follow("a[href*='route=/logout']") })
	}
	arrived := func(name string) {
		t.Helper()
		if got := s.user(b); got != name || b.Status() != http.StatusOK {
			t.Fatalf("at %s with status %d phpMyAdmin shows %q, want %q\n%s", b.URL(), b.Status(), got, name, b.Text("body"))
		}
	}
	asked := func() {
		t.Helper()
		if at, _, _ := strings.Cut(b.URL(), "?"); at != s.URL+"/two-factor/challenge" || !b.Has("#code") {
			t.Fatalf("at %s, want the challenge\n%s", b.URL(), b.Text("body"))
		}
	}

	signIn("/", s.name, "wrong")
	if s.user(b) != "" || !b.Has("#input_password") {
		t.Fatalf("a wrong password leads to %s\n%s", b.URL(), b.Text("body"))
	}
	s.login(b, s.name, s.password) // at once, in the form that came
	arrived(s.name)
	b.Open(s.URL + "/two-factor/")
	p, _ := setUp(t, b, func(string) {})
	b.Open(s.URL + "/")
	arrived(s.name)
	phpmyadminWork(t, b)
	signOut()
	if b.URL() != s.URL+phpmyadminForm || s.user(b) != "" {
		t.Fatalf("the sign-out leads to %s", b.URL())
	}

	s.login(b, s.name, s.password) // where the sign-out led
	asked()
	b.Open(s.URL + phpmyadminForm)
	asked()
	answer(b, p.wrong())
	asked()
	answer(b, p.code())
	arrived(s.name)
	phpmyadminWork(t, b)
	signOut()

	signIn(phpmyadminForm, portal.Bob.Name, portal.Bob.Password)
	arrived(portal.Bob.Name)
	signOut()
	signIn("/", s.name, s.password)
	asked()
	s.keepsQuiet(append(p.shown, p.key.Secret(), s.password)...)
}

// phpmyadminWork looks at a table and asks for a row of it, which scripts do.
func phpmyadminWork(t *testing.T, b *browser.Browser) {
	t.Helper()
	base, _, _ := strings.Cut(b.URL(), "/index.php")
	base = strings.TrimSuffix(base, "/")
	for _, page := range []string{"/index.php?route=/sql&server=1&db=shop_alice&table=orders&pos=0", "/index.php?route=/database/structure&db=shop_alice"} {
		b.Open(base + page)
		b.Settle()
		if b.Status() != http.StatusOK || !strings.Contains(b.Text("body"), "orders") {
			t.Fatalf("%s: status %d\n%s", page, b.Status(), b.Text("body"))
		}
	}
}
