//go:build browser && portals

package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/browser"
)

// site is a portal behind a gateway, and how its customers use it.
type site struct {
	*gateway
	// login signs in through the portal's form on the page where the browser is.
	login func(b *browser.Browser, name, password string)
	// logout signs out as customers do.
	logout func(b *browser.Browser)
	// user is the signed-in user that the page shows, "" for none.
	user func(b *browser.Browser) string
	// page is a page of the account, as path and query.
	page string

	name, password string
	// aliases are other ways to write the name.
	aliases []string
}

// journey goes from a portal without a second factor to the first challenge. shots is the prefix
// of the screenshots' names, "" for none; axe runs the accessibility checks, which need scripts.
func journey(t *testing.T, b *browser.Browser, s site, shots string, axe bool) {
	look := func(name string) {
		t.Helper()
		b.CheckFits()
		if shots != "" {
			b.Screenshot(shots + "-" + name)
		}
		if axe {
			b.CheckAxe()
		}
	}
	signIn := func(name string) {
		t.Helper()
		b.Open(s.URL + s.page)
		s.login(b, name, s.password)
	}
	arrived := func() {
		t.Helper()
		if b.URL() != s.URL+s.page || b.Status() != http.StatusOK {
			t.Fatalf("at %s with status %d, want the page asked for, %s\n%s", b.URL(), b.Status(), s.page, b.Text("body"))
		}
		if got := s.user(b); got != s.name {
			t.Fatalf("the portal shows %q, want %q", got, s.name)
		}
	}
	asked := func() {
		t.Helper()
		at, _, _ := strings.Cut(b.URL(), "?")
		if at != s.URL+"/two-factor/challenge" || !b.Has("#code") || s.user(b) != "" {
			t.Fatalf("at %s, want the challenge\n%s", b.URL(), b.Text("body"))
		}
	}

	signIn(s.name) // without a second factor
	arrived()

	b.Open(s.URL + "/two-factor/")
	look("settings-off")
	p, backup := setUp(t, b, look)
	look("settings-on")
	visitSettings(b, s, look)
	b.Open(s.URL + s.page)
	arrived()
	s.logout(b)

	signIn(s.name)
	asked()
	look("challenge")
	b.Open(s.URL + s.page) // going elsewhere does not help
	asked()
	answer(b, p.wrong())
	asked()
	if !b.Has("#code-error") {
		t.Error("the page does not say that the code is wrong")
	}
	look("challenge-wrong")
	answer(b, p.shown[0]) // it turned two-factor authentication on
	asked()
	answer(b, p.code())
	arrived()
	s.logout(b)

	for i, alias := range s.aliases {
		signIn(alias)
		asked()
		if i == 0 {
			b.Follow(`a[href$="?use=backup"]`)
			look("challenge-backup")
		}
		answer(b, backup[i])
		arrived()
		s.logout(b)
	}

	signIn(s.name)
	asked()
	answer(b, backup[0])
	asked() // a backup code works once
	b.Follow(`.others form button`)
	b.Open(s.URL + s.page)
	if s.user(b) != "" {
		t.Error("still signed in after cancelling")
	}
	s.keepsQuiet(append(append(p.shown, backup...), p.key.Secret(), s.password)...)
}

// setUp turns two-factor authentication on, from the settings.
func setUp(t *testing.T, b *browser.Browser, look func(string)) (p *phone, backup []string) {
	t.Helper()
	b.Follow(`a[href$="/setup"]`)
	look("setup")
	link := b.Attribute(`a[href^="otpauth:"]`, "href")
	p = scan(t, link)
	answer(b, p.wrong())
	look("setup-wrong")
	if again := b.Attribute(`a[href^="otpauth:"]`, "href"); again != link {
		t.Error("a wrong code changed the secret")
	}
	answer(b, p.code())
	backup = strings.Fields(b.Text("#codes"))
	if len(backup) != 10 {
		t.Fatalf("%d backup codes, want 10: %q", len(backup), backup)
	}
	look("backup-codes")
	b.Click("input[name=saved]")
	b.Follow("button.primary")
	if b.Has("#codes") || !b.Has(".state.on") {
		t.Fatalf("two-factor authentication is not on:\n%s", b.Text("body"))
	}
	return p, backup
}

// visitSettings looks at the pages behind the settings, changing nothing.
func visitSettings(b *browser.Browser, s site, look func(string)) {
	for _, page := range []struct{ path, name string }{
		{"/disable", "disable"}, {"/setup", "replace"}, {"/backup-codes", "regenerate"}, {"/help", "help"},
	} {
		b.Open(s.URL + "/two-factor" + page.path)
		look(page.name)
	}
}

// answer gives a code to the page that asks for one.
func answer(b *browser.Browser, code string) {
	b.Type("#code", code)
	b.Follow("form:has(#code) button.primary")
}
