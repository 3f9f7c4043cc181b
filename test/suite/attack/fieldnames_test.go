package attack

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

const fieldNamesWhoami = `
		whoami /account {
			anonymous redirect */login-form
			user html "#account-id" value
		}`

// fieldNames has its session in an HttpOnly cookie `token`, as Express applications have a JWT,
// and a remember-me cookie `keep` with the name of the box that requests it.
func fieldNames(w http.ResponseWriter, r *http.Request) {
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0."
	switch r.URL.Path {
	case "/login":
		http.SetCookie(w, &http.Cookie{Name: "token", Value: jwt + r.FormValue("user"), Path: "/", HttpOnly: true})
		if r.FormValue("keep") != "" {
			http.SetCookie(w, &http.Cookie{Name: "keep", Value: strings.Repeat("x", 24), Path: "/", HttpOnly: true, MaxAge: 1e6})
		}
		http.Redirect(w, r, "/account", http.StatusSeeOther)
	case "/account":
		c, err := r.Cookie("token")
		if err != nil {
			http.Redirect(w, r, "/login-form", http.StatusFound)
			return
		}
		fmt.Fprintf(w, `<html><body><input id=account-id value="%s">`, strings.TrimPrefix(c.Value, jwt))
	default:
		fmt.Fprintf(w, "<html><body>token=%s", r.FormValue("token"))
	}
}

// TestAttack_B2_FieldsNamedAsCookies: after one customer's sign-in, others tick "stay signed in"
// and reset their passwords, although these fields have the names of the portal's cookies. A
// token of the cookie's form is refused in a form and taken out of a link, with a line in the log.
func TestAttack_B2_FieldsNamedAsCookies(t *testing.T) {
	h := harness.Start(t, http.HandlerFunc(fieldNames), fieldNamesWhoami)
	for i, user := range []string{"carol", "dave"} {
		if p := h.Browser().Post("/login", url.Values{"user": {user}, "keep": {"1"}}); p.Status != 303 {
			t.Errorf("sign-in %d with the box ticked: %d", i+1, p.Status)
		}
	}
	const mailed, stolen = "0123456789abcdef0123", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.carol"
	b := h.Browser()
	b.Get("/reset?t=" + mailed)
	if p := b.Post("/reset", url.Values{"token": {mailed}, "password": {"new"}}); p.Status != 200 {
		t.Errorf("password reset by a form: %d", p.Status)
	}
	if p := b.Fetch("POST", "/api/verify-mail", "application/json", `{"token":"`+mailed+`"}`); p.Status != 200 {
		t.Errorf("confirmation of an address by a script: %d", p.Status)
	}
	if p := b.Get("/verify?token=" + mailed); p.Status != 200 || !strings.Contains(p.Body, mailed) {
		t.Errorf("confirmation by a link: %d, the portal saw %s", p.Status, p.Body)
	}
	if strings.Contains(h.LogText(), "a link has a parameter") {
		t.Error("the log says that a parameter was taken out of a link")
	}
	for name, value := range map[string]string{"token": stolen, "keep": strings.Repeat("x", 24)} {
		if p := b.Post("/reset", url.Values{name: {value}}); p.Status != 403 {
			t.Errorf("the cookie's value in a field %s: %d", name, p.Status)
		}
	}
	for _, sent := range []string{stolen, strings.ReplaceAll(stolen, "e", "%65"), strings.ReplaceAll(stolen, "e", "%2565")} {
		if p := b.Get("/verify?token=" + sent); strings.Contains(p.Body, "carol") {
			t.Errorf("the cookie's value in a link: %s", p.Body)
		}
	}
	if !strings.Contains(h.LogText(), "a link has a parameter that is named as a cookie of the portal") {
		t.Error("the log does not say that a parameter was taken out of a link")
	}
}

// TestAttack_B2_DeclaredField: the line that the log names lets a field and a link pass.
func TestAttack_B2_DeclaredField(t *testing.T) {
	for lines, status := range map[string]int{"": 403, "\n\t\tsign_in {\n\t\t\tusername keep\n\t\t}": 200} {
		t.Run(strings.NewReplacer("{", "", "}", "", "*", "star").Replace(strings.Join(strings.Fields(lines), " ")), func(t *testing.T) {
			h := harness.Start(t, http.HandlerFunc(fieldNames), fieldNamesWhoami+lines)
			h.Browser().Post("/login", url.Values{"user": {"carol"}, "keep": {"1"}})
			if p := h.Browser().Post("/list", url.Values{"keep": {"30-days"}}); p.Status != status {
				t.Errorf("form: %d", p.Status)
			}
			if status == 403 && !strings.Contains(h.LogText(), "sign_in { username keep }") {
				t.Error("the log does not name the line")
			}
		})
	}
}

// TestAttack_B3_SessionIDThatIsNone: a field `session_id` is refused, and the line that the log
// names lets it pass where the portal takes no session from it. A pattern does not.
func TestAttack_B3_SessionIDThatIsNone(t *testing.T) {
	for lines, status := range map[string]int{"": 403, "\n\t\tleave session*": 403, "\n\t\tleave session_id": 200, "\n\t\tsign_in /login {\n\t\t\tusername session_id\n\t\t}": 200} {
		t.Run(strings.NewReplacer("{", "", "}", "", "*", "star").Replace(strings.Join(strings.Fields(lines), " ")), func(t *testing.T) {
			h := harness.Start(t, http.HandlerFunc(fieldNames), fieldNamesWhoami+lines)
			b := h.Browser()
			b.Post("/login", url.Values{"user": {"carol"}})
			if p := b.Post("/book", url.Values{"session_id": {"17"}}); p.Status != status {
				t.Errorf("form: %d", p.Status)
			}
			if p := b.Fetch("POST", "/api/pay", "application/json", `{"session_id":"cs_test_a1b2c3"}`); p.Status != status {
				t.Errorf("script: %d", p.Status)
			}
			if p := b.Post("/book", url.Values{"PHPSESSID": {"17"}}); p.Status != 403 {
				t.Errorf("PHPSESSID: %d", p.Status)
			}
			if status == 403 && !strings.Contains(h.LogText(), "leave session_id") {
				t.Error("the log does not name the line")
			}
		})
	}
}
