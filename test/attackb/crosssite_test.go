package attackb

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// portal signs anybody in, by a form or a script's request, with an ordinary session cookie.
func portal(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/login":
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "session-of-" + r.FormValue("user"), Path: "/", HttpOnly: true})
		http.Redirect(w, r, "/account", http.StatusSeeOther)
	case "/account":
		c, err := r.Cookie("sid")
		if err != nil {
			http.Redirect(w, r, "/login-form", http.StatusFound)
			return
		}
		fmt.Fprintf(w, `<html><body><input id=account-id value="%s">`, strings.TrimPrefix(c.Value, "session-of-"))
	default:
		fmt.Fprint(w, "<html><body>hello")
	}
}

// TestB1: a sign-in form on the provider's own web site (another host or site), a SAML or
// OpenID response by form_post, and the sign-in of a script of app.example.com at
// api.example.com sign a browser in that has not been at the portal before.
func TestB1_SignInFromAnotherHost(t *testing.T) {
	h := harness.Start(t, http.HandlerFunc(portal), `
		whoami /account {
			anonymous redirect */login-form
			user html "#account-id" value
		}`)
	for _, site := range []string{"same-site", "cross-site"} {
		for _, mode := range []string{"navigate", "cors"} {
			if site == "cross-site" && mode == "cors" {
				continue
			}
			t.Run(site+" "+mode, func(t *testing.T) {
				b := h.Browser()
				r := b.Request("POST", "/login", strings.NewReader(url.Values{"user": {"carol"}}.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", "https://www.example.com")
				r.Header.Set("Sec-Fetch-Site", site)
				r.Header.Set("Sec-Fetch-Mode", mode)
				if mode == "cors" {
					r.Header.Set("Sec-Fetch-Dest", "empty")
				}
				p := b.Do(r)
				if p.Status != 303 || p.Location != "/account" {
					t.Fatalf("sign-in: %d %s", p.Status, p.Location)
				}
				if p = b.Get("/account"); p.Status != 200 {
					t.Errorf("the signed-in customer gets %d %s; the sign-in set %d cookies", p.Status, p.Location, len(b.Cookies("/")))
				}
			})
		}
	}
}
