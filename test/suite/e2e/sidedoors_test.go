//go:build browser && portals

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/demoportal"
)

// TestDemoPortalSideDoors signs in by the demo portal's API, and asks for everything
// that is no page: an enrolled customer's data is not given out before a code.
func TestDemoPortalSideDoors(t *testing.T) {
	t.Parallel()
	demoDoors(t, demoSite(t, built(t, plainBinary)))
}

func demoDoors(t *testing.T, s site) {
	t.Helper()
	enrolled := newClient(t, s.URL)
	enrolled.post("/login", "login", s.name, "password", s.password)
	p, _ := enrolled.setUp()
	paths := []string{"/api/me", "/account", "/files/invoice-2026-001.pdf", "/clock", "/clock/ws", "/account/transfer"}

	t.Run("JSON", func(t *testing.T) {
		c := newClient(t, s.URL)
		c.header.Set("Sec-Fetch-Mode", "cors")
		signIn := fmt.Sprintf(`{"login":%q,"password":%q}`, s.name, s.password)
		got := c.do(http.MethodPost, "/api/login", "application/json", signIn)
		if got.StatusCode != http.StatusUnauthorized || got.Header.Get("Content-Type") != "application/problem+json" || strings.Contains(got.body, "1001") {
			t.Errorf("status %d, %s: %s", got.StatusCode, got.Header.Get("Content-Type"), got.body)
		}
		for _, path := range paths {
			if got := c.get(path); got.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s: status %d: %s", path, got.StatusCode, got.body)
			}
		}
	})
	t.Run("remembered browser", func(t *testing.T) {
		c := newClient(t, s.URL)
		c.post("/login", "login", s.name, "password", s.password, "remember", "1")
		for _, path := range paths[:3] {
			if got := c.get(path); !got.challenged() || strings.Contains(got.body, "1001") {
				t.Errorf("%s leads to %s", path, got.at())
			}
		}
		if got := c.answer(p.code()); got.StatusCode != http.StatusOK || got.challenged() {
			t.Fatalf("the code leads to %s with status %d", got.at(), got.StatusCode)
		}
		if got := c.get("/files/invoice-2026-001.pdf"); !strings.HasPrefix(got.body, "%PDF") {
			t.Errorf("no invoice with a code, but status %d", got.StatusCode)
		}
	})
	t.Run("another customer", func(t *testing.T) {
		asa := demoportal.Customers()[2]
		c := newClient(t, s.URL)
		c.post("/login", "login", asa.Name, "password", asa.Password)
		if got := c.get("/api/me"); !strings.Contains(got.body, fmt.Sprint(asa.ID)) {
			t.Errorf("the password %s is mangled on the way: %s", asa.Password, got.body)
		}
		if got := enrolled.get("/api/me"); !strings.Contains(got.body, "1001") {
			t.Errorf("alice sees %s", got.body)
		}
	})
	s.keepsQuiet(append(p.shown, p.key.Secret(), s.password)...)
}
