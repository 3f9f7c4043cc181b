package attackb

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

const whoami = `
		whoami /account {
			anonymous redirect */login-form
			user html "#account-id" value
		}`

// named has its session in an HttpOnly cookie `token`, as many Express applications have a JWT,
// and a remember-me cookie `keep` beside it, which the box of the same name asks for.
func named(w http.ResponseWriter, r *http.Request) {
	long := strings.Repeat("x", 24)
	switch r.URL.Path {
	case "/login":
		http.SetCookie(w, &http.Cookie{Name: "token", Value: long + r.FormValue("user"), Path: "/", HttpOnly: true})
		if r.FormValue("keep") != "" {
			http.SetCookie(w, &http.Cookie{Name: "keep", Value: long + r.FormValue("user"), Path: "/", HttpOnly: true, MaxAge: 1e6})
		}
		http.Redirect(w, r, "/account", http.StatusSeeOther)
	case "/account":
		c, err := r.Cookie("token")
		if err != nil {
			http.Redirect(w, r, "/login-form", http.StatusFound)
			return
		}
		fmt.Fprintf(w, `<html><body><input id=account-id value="%s">`, strings.TrimPrefix(c.Value, long))
	default:
		fmt.Fprintf(w, "<html><body>token=%s", r.FormValue("token"))
	}
}

// TestB2: after the first customer ticked "stay signed in", no customer can sign in with it; after
// the first sign-in, no customer can reset a password, since the form brings the mail's token.
func TestB2_FieldsNamedAsCookies(t *testing.T) {
	h := harness.Start(t, http.HandlerFunc(named), whoami)
	for i, form := range []url.Values{{"user": {"carol"}, "keep": {"1"}}, {"user": {"dave"}, "keep": {"1"}}} {
		if p := h.Browser().Post("/login", form); p.Status != 303 {
			t.Errorf("sign-in %d with the box ticked: %d", i+1, p.Status)
		}
	}
	b := h.Browser()
	b.Get("/reset?t=0123456789abcdef0123")
	if p := b.Post("/reset", url.Values{"token": {"0123456789abcdef0123"}, "password": {"new"}}); p.Status != 200 {
		t.Errorf("password reset by form: %d", p.Status)
	}
	if p := b.Fetch("POST", "/api/verify-mail", "application/json", `{"token":"0123456789abcdef0123"}`); p.Status != 200 {
		t.Errorf("confirmation of an address by a script: %d", p.Status)
	}
	if p := b.Get("/verify?token=0123456789abcdef0123"); p.Status != 200 || !strings.Contains(p.Body, "0123456789abcdef0123") {
		t.Errorf("confirmation by link: %d, the portal saw %s", p.Status, p.Body)
	}
	t.Log(strings.Count(h.LogText(), "named as a cookie"))
}
