package attack

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// twoPortals are two portals of one host, each behind a two_factor of its own, which
// share the realm by mistake or because they share their users.
const twoPortals = `@shop path /shop*
handle @shop {
	two_factor {
		realm shared
		whoami /shop/me {
			anonymous status 401
			user json user
		}
	}
	reverse_proxy PORTAL
}
handle {
	two_factor {
		realm shared
		whoami /me {
			anonymous status 401
			user json user
		}
	}
	reverse_proxy PORTAL
}`

// TestAttack_AnswerOfAnotherPortal: one portal's answer about a visit's cookies is not used for
// another portal.
func TestAttack_AnswerOfAnotherPortal(t *testing.T) {
	var mu sync.Mutex
	shop := map[string]string{}
	portal := &harness.Legacy{Before: func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/shop") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		c, err := r.Cookie("shop")
		if err != nil {
			c = &http.Cookie{Name: "shop", Value: rand.Text(), Path: "/"}
			http.SetCookie(w, c)
		}
		switch r.URL.Path {
		case "/shop/in":
			shop[c.Value] = r.FormValue("user")
		case "/shop/me":
			if shop[c.Value] == "" {
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			fmt.Fprintf(w, `{"user":%q}`, shop[c.Value])
		case "/shop/account":
			fmt.Fprint(w, harness.SecretOf(shop[c.Value]))
		}
		return true
	}}
	h := harness.StartSite(t, portal, twoPortals)
	bob := h.Browser()
	bob.SignIn("bob")
	bob.Enrol()

	// Carol, who has no second factor, knows bob's password for the shop.
	b := h.Browser()
	b.Get("/")
	b.Get("/shop/account")
	if p := b.Post("/shop/in?user=bob", nil); p.Status != http.StatusSeeOther {
		t.Fatalf("sign-in to the shop: %d", p.Status)
	}
	b.SignIn("carol")
	if p := b.Get("/account"); !strings.Contains(p.Body, harness.SecretOf("carol")) {
		t.Fatalf("carol's own page: %d %s", p.Status, p.Body)
	}
	if p := b.Get("/shop/account"); strings.Contains(p.Body, harness.SecretOf("bob")) {
		t.Errorf("bob's page of the shop: %d %s", p.Status, p.Body)
	}
}
