package portalkinds

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// mixed is an app that also has sessions of cookies: whoami identifies by the token if there is
// one, /page by the cookie.
func mixed(a *app) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("session")
		switch {
		case r.URL.Path == "/form":
			user := r.PostFormValue("username")
			http.SetCookie(w, &http.Cookie{Name: "session", Value: a.Make(user), Path: "/"})
			fmt.Fprintf(w, "SECRET-%s", user)
		case r.URL.Path == "/start":
			http.SetCookie(w, &http.Cookie{Name: "balancer", Value: "node1", Path: "/"})
		case r.URL.Path == "/page" && err == nil:
			r.Header.Set("Authorization", "Bearer "+c.Value)
			fmt.Fprintf(w, "SECRET-%s", a.user(r))
		case err == nil && r.Header.Get("Authorization") == "" && r.URL.Query().Get("access_token") == "":
			r.Header.Set("Authorization", "Bearer "+c.Value)
			fallthrough
		default:
			a.ServeHTTP(w, r)
		}
	})
}

// TestAttack_TokenBesideCookie: an attacker's own token does not hide that the cookie belongs to
// another user, neither in a header nor sealed in the visit.
func TestAttack_TokenBesideCookie(t *testing.T) {
	a := newApp()
	h := &appHarness{harness.Start(t, mixed(a), appLines), a, t}
	h.enrolled("alice")
	signIn := func(b *tab) *harness.Page { return b.send("POST", "/form", "username=alice&password=pw-alice") }
	for _, header := range []bool{true, false} {
		b := h.open()
		if p := b.signIn("carol"); p.Status != http.StatusOK {
			t.Fatalf("carol: %d", p.Status)
		}
		if !header {
			b.token = ""
		}
		if p := signIn(b); strings.Contains(p.Body, "SECRET") {
			t.Errorf("header %v: the form shows %s", header, p.Body)
		}
		if p := b.send("GET", "/page", ""); strings.Contains(p.Body, "alice") {
			t.Errorf("header %v: the page shows %s", header, p.Body)
		}
	}
	d := h.open()
	d.signIn("carol")
	d.token = ""
	refused(t, "alice's form after carol's token", signIn(d))
	e := h.open()
	e.send("POST", "/form", "username=carol&password=pw-carol")
	if p := e.signIn("alice"); p.Status == http.StatusOK || strings.Contains(p.Body, "TOKEN") {
		t.Errorf("alice's token beside carol's cookie: %d %s", p.Status, p.Body)
	}
	b := h.open()
	b.send("GET", "/start", "")
	b.signIn("carol")
	passes(t, "carol, with a cookie that is nobody's", b.send("GET", "/api/data", ""), "carol")
	c := h.open()
	c.send("POST", "/form", "username=carol&password=pw-carol")
	c.signIn("carol")
	passes(t, "carol, with both", c.send("GET", "/api/data", ""), "carol")
}

// TestAttack_QueryBesideCookie: an attacker's own token in a declared parameter does not hide the
// cookie's user either.
func TestAttack_QueryBesideCookie(t *testing.T) {
	a := newApp()
	h := &appHarness{harness.Start(t, mixed(a), appLines+"\ncredential query access_token"), a, t}
	h.enrolled("alice")
	b := h.open()
	own := "?access_token=" + a.Make("carol")
	p := b.Fetch("POST", "/form"+own, "application/x-www-form-urlencoded", "username=alice&password=pw-alice")
	if strings.Contains(p.Body, "SECRET") {
		t.Errorf("the form shows %s", p.Body)
	}
	if p := b.Fetch("GET", "/page"+own, "", ""); strings.Contains(p.Body, "alice") {
		t.Errorf("the page shows %s", p.Body)
	}
	c := h.open()
	passes(t, "carol, by her token alone", c.Fetch("GET", "/api/data"+own, "", ""), "carol")
}
