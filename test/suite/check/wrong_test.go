package check

import (
	"fmt"
	"strings"
	"testing"
)

// right describes the demo portal, part by part, so that a test can do one wrong.
type parts struct{ anonymous, user, more, signIn string }

var right = parts{
	anonymous: "redirect */login*",
	user:      `html "#account-id" value`,
	signIn:    "sign_in /login {\npage /login\nusername login\npassword password\n}",
}

func (p parts) caddyfile(address string) string {
	return fmt.Sprintf(site, fmt.Sprintf("whoami /account {\nanonymous %s\nuser %s\n}\nsign_out /logout\n%s\n%s", p.anonymous, p.user, p.signIn, p.more), address)
}

// TestWrongDescriptionsAreFound makes one mistake in the description of the demo portal. The line
// about it must fail and name the remedy.
func TestWrongDescriptionsAreFound(t *testing.T) {
	t.Parallel()
	address, input := demo(t)
	for name, c := range map[string]struct {
		wrong            func(p *parts)
		row, saw, remedy string
	}{
		"no anonymous sign matches": {
			func(p *parts) { p.anonymous = "status 401" },
			"stranger is anonymous", "302 to /login", "anonymous redirect */login*",
		},
		"a user for strangers": {
			func(p *parts) { p.anonymous, p.user = "status 401", `header Location` },
			"stranger is anonymous", "no anonymous sign matches", "anonymous redirect */login*",
		},
		"a sign that holds for customers": {
			func(p *parts) { p.anonymous = `html "title"` + "\nanonymous redirect */login*" },
			"sign-in seen", "an anonymous sign matches, although user finds a value: 1 distinct values", "choose one that only strangers get",
		},
		"a sign that holds for customers, and no user": {
			func(p *parts) {
				p.anonymous, p.user = `html "title"`+"\nanonymous redirect */login*", `html "#gone" value`
			},
			"sign-in seen", "an anonymous sign matches", `user html "#account-name" value`,
		},
		"a page that has changed": {
			func(p *parts) { p.user = `html "#customer-number" value` },
			"sign-in seen", "0 distinct values", `user html "#account-name" value`,
		},
		"a display name": {
			func(p *parts) { p.user = `regex "Welcome, ([^<]+)<"` },
			"answer right", "looks like a display name", `user html "#account-name" value`,
		},
		"a display name that nothing gives away": {
			func(p *parts) { p.user = `html h1` },
			"answer right", "neither the user name nor a number", "can change to that of another customer",
		},
		"everybody is one": {
			func(p *parts) { p.user = `html ".brand"` },
			"second customer", `both customers "Oma Avaruus"`, "one second factor would open both accounts",
		},
		"a sign-in page under trust": {
			func(p *parts) { p.more = "trust /account" },
			"sign-in seen", "through it not", "out of `trust`",
		},
		"an unsealed session": {
			func(p *parts) { p.more = "leave portal_*" },
			"session sealed", "portal_session", "take it out of `leave`",
		},
		"a sign that holds for a page that is gone": {
			func(p *parts) { p.anonymous = "redirect */login*\nanonymous status 404" },
			"unknown closed", "when whoami answers 404", "`anonymous`",
		},
		"a sign that holds for a blank page": {
			func(p *parts) {
				p.anonymous = "redirect */login*\n" + `anonymous regex "^<!DOCTYPE html><html><head><title></title>"`
			},
			"unknown closed", "a blank page", "a sign that only a working portal gives",
		},
		"a trusted page": {
			func(p *parts) { p.more = "trust /invoices" },
			"side door the portal's own cookies", "/invoices answers 200", "out of `trust`",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := right
			c.wrong(&p)
			check(t, p.caddyfile(address), input).fails(t, c.row, c.saw, c.remedy)
		})
	}
	t.Run("right", func(t *testing.T) {
		t.Parallel()
		if r := check(t, right.caddyfile(address), input); r.status != 0 || strings.Contains(r.out, "FAILED") {
			t.Errorf("status %d\n%s%s", r.status, r.out, r.err)
		}
	})
}
