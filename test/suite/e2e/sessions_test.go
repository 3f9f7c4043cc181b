//go:build browser && portals

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/test/kit/browser"
)

// TestJ8_TwoBrowsers: ending the other sessions in one browser signs another browser out. Its next
// click is on the portal's sign-in page, and it needs the password again, and a code if there is a
// factor. The acting browser stays signed in and shows the result.
func TestJ8_TwoBrowsers(t *testing.T) {
	t.Parallel()
	s := demoSite(t, built(t, plainBinary))
	look := func(string) {}
	a, b := browser.Start(t), browser.Start(t)
	signIn := func(b *browser.Browser) {
		t.Helper()
		b.Open(s.URL + s.page)
		s.login(b, s.name, s.password)
	}
	wantUser := func(what string, b *browser.Browser) {
		t.Helper()
		if b.Open(s.URL + s.page); s.user(b) != s.name {
			t.Fatalf("%s is at %s, signed in as %q:\n%s", what, b.URL(), s.user(b), b.Text("body"))
		}
	}
	wantSignIn := func(what string) {
		t.Helper()
		b.Follow(`a[href^="/invoices"]`) // the next click
		if !strings.HasPrefix(b.URL(), s.URL+"/login") || s.user(b) != "" || !b.Has("#password") {
			t.Fatalf("%s: the other browser is at %s, want the portal's sign-in page\n%s", what, b.URL(), b.Text("body"))
		}
		b.Open(s.URL + "/two-factor/")
		if !strings.Contains(b.Text("body"), "You are not signed in") {
			t.Errorf("%s: the other browser's settings:\n%s", what, b.Text("body"))
		}
	}
	wantCode := func(what string) {
		t.Helper()
		if signIn(b); !strings.HasPrefix(b.URL(), s.URL+"/two-factor/challenge") {
			t.Fatalf("%s: the password led to %s, want the challenge", what, b.URL())
		}
	}
	wantSaid := func(what, words string) {
		t.Helper()
		if !strings.Contains(a.Text("body"), words) {
			t.Errorf("%s: the page does not say %q:\n%s", what, words, a.Text("body"))
		}
	}

	signIn(a)
	a.Open(s.URL + "/two-factor/")
	p, backup := setUp(t, a, look)
	signIn(b)
	answer(b, p.code())
	wantUser("the other browser", b)

	a.Open(s.URL + "/two-factor/")
	wantSaid("before", "Every other browser that is signed in to your account")
	a.CheckFits()
	a.CheckAxe()
	a.Follow(`form:has(input[value="end-others"]) button`)
	wantSaid("sign out everywhere else", "All other browsers were signed out. They need your password and a code again.")
	wantSignIn("sign out everywhere else")
	wantUser("the browser that signed the others out", a)
	time.Sleep(session.EndMargin)
	wantCode("sign out everywhere else")
	answer(b, p.code())
	wantUser("the other browser again", b)

	a.Open(s.URL + "/two-factor/disable")
	answer(a, backup[0])
	wantSaid("turning off", "All other browsers were signed out.")
	wantSignIn("turning off")
	wantUser("the browser that turned it off", a)
	time.Sleep(session.EndMargin)
	signIn(b)
	wantUser("the other browser, by the password", b)
}
