package portalkinds

import (
	"net/http"
	"testing"
)

// TestToken_SignIn is the whole sequence: the token of a user who owes a code is withheld, the
// challenge names the user, and after the code the app's next sign-in passes.
func TestToken_SignIn(t *testing.T) {
	h := startApp(t, newApp(), "")
	_, device := h.enrolled("alice")

	b := h.open()
	refused(t, "the sign-in", b.signIn("alice"))
	if p := b.Get("/page"); p.Status != http.StatusSeeOther || p.Location != "/two-factor/challenge" {
		t.Errorf("a page before the code: %d %s", p.Status, p.Location)
	}
	if p := b.Get("/two-factor/challenge"); p.Status != http.StatusOK {
		t.Fatalf("the challenge: %d %s", p.Status, p.Location)
	}
	refused(t, "again, without a code", b.signIn("alice"))
	if p := b.Pass(device.Code(t)); p.Status != http.StatusSeeOther || p.Location != "/page" {
		t.Fatalf("the code: %d %s", p.Status, p.Location)
	}
	if p := b.signIn("alice"); p.Status != http.StatusOK || b.token == "" {
		t.Fatalf("the sign-in after the code: %d %s", p.Status, p.Body)
	}
	passes(t, "a request with the token", b.send("GET", "/api/data", ""), "alice")
	passes(t, "a change with the token", b.send("POST", "/api/data", "x=1"), "alice")
	if p := b.Get("/two-factor/"); p.Status != http.StatusOK {
		t.Errorf("the settings: %d %s", p.Status, p.Location)
	}
	if got := b.send("POST", "/api/token", "refresh="+b.token); got.Status != http.StatusOK {
		t.Errorf("a refreshed token: %d %s", got.Status, got.Body)
	}
}
