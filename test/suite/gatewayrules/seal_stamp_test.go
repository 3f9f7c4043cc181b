package gatewayrules

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestSeal_StampedCookieIsNeverForwardedForAnonymous: with one of two cookies removed, whoami
// reports anonymous, though the pages still show the user.
func TestSeal_StampedCookieIsNeverForwardedForAnonymous(t *testing.T) {
	p := newProbe()
	p.Scoped, p.Lazy = true, false
	p.Rotate = true
	h := harness.Start(t, p, harness.LegacyLines)
	owner := h.Browser()
	owner.SignIn("alice")
	owner.Enrol()

	thief := h.Browser()
	session := sealedNames(thief.Get("/"), false)
	if page := thief.Post("/login", map[string][]string{"user": {"alice"}, "password": {"pw-alice"}}); page.Location != "/two-factor/challenge" {
		t.Fatalf("sign-in: %d %q", page.Status, page.Location)
	}
	for _, name := range sealedHere(thief) {
		if !slices.Contains(session, name) {
			drop(thief, name)
		}
	}
	page := thief.Get("/account")
	if strings.Contains(page.Body, harness.SecretOf("alice")) {
		t.Fatal("signed in without a code")
	}
	if got := p.cookieAt(t, "/account"); got != "" {
		t.Errorf("alice's cookie was forwarded as a stranger's: %q", got)
	}
	if got := cookies(page)[session[0]]; got == nil || got.MaxAge >= 0 && got.Value == "" {
		t.Errorf("it stays in the browser: %q", page.Header["Set-Cookie"])
	}
}

// twoSessions is a portal with two sessions, as WordPress: its pages go by the cookie
// `site`, whoami by `admin`. /in?user= signs in.
func twoSessions(p *probe) func(w http.ResponseWriter, r *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		value := func(name string) string {
			c, err := r.Cookie(name)
			if err != nil {
				return ""
			}
			return c.Value
		}
		switch r.URL.Path {
		case "/in":
			user := r.FormValue("user")
			http.SetCookie(w, &http.Cookie{Name: "site", Value: user, Path: "/"})
			http.SetCookie(w, &http.Cookie{Name: "admin", Value: user, Path: "/me"})
			fmt.Fprint(w, "welcome")
		case "/me":
			if value("admin") == "" {
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			fmt.Fprintf(w, `{"user":%q}`, value("admin"))
		case "/page":
			fmt.Fprintf(w, "site of <%s>", value("site"))
		default:
			return false
		}
		return true
	}
}

// TestSeal_StampedCookieOfAnotherUserIsNeverForwarded: one visit has alice's cookie for the pages
// and bob's cookie for whoami, with and without bob's code.
func TestSeal_StampedCookieOfAnotherUserIsNeverForwarded(t *testing.T) {
	p := newProbe()
	p.also = twoSessions(p)
	h := harness.Start(t, p, harness.LegacyLines)
	alice := h.Browser()
	alice.Get("/in?user=alice")
	alice.Enrol()
	bob := h.Browser()
	bob.Get("/in?user=bob")
	device := bob.Enrol()

	// mix returns one visit with alice's `site` cookie and the user's own `admin` cookie. The
	// attacker has alice's password and not her code.
	mix := func(user string) (b *harness.Browser, site string) {
		b = h.Browser()
		site = sealedNames(b.Get(setting("/", "site=nobody; Path=/")), false)[0]
		if page := b.Get("/in?user=alice"); page.Location != "/two-factor/challenge" {
			t.Fatalf("sign-in as alice: %d %q", page.Status, page.Location)
		}
		hers := b.Cookies("/")[site]
		for _, name := range sealedHere(b) {
			drop(b, name)
		}
		b.Get("/in?user=" + user)
		b.SetCookie(site, hers)
		return b, site
	}

	b, site := mix("carol") // who has no second factor
	page := b.Get("/page?1")
	if strings.Contains(page.Body, "<alice>") {
		t.Fatal("alice's page with carol's answer")
	}
	if got := cookies(page)[site]; got == nil || got.MaxAge >= 0 {
		t.Errorf("alice's cookie stays in the browser: %q", page.Header["Set-Cookie"])
	}

	b, _ = mix("bob")
	if page := b.Pass(device.Code(t)); page.Status != http.StatusSeeOther {
		t.Fatalf("bob's code: %d", page.Status)
	}
	if page := b.Get("/page?2"); page.Status != http.StatusOK || strings.Contains(page.Body, "<alice>") {
		t.Errorf("after bob's code: %d %s", page.Status, page.Body)
	}
}
