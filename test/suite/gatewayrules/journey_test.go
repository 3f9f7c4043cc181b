package gatewayrules

import (
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestJourney is the main sequence: unenrolled, enrolled, challenged, cleared, signed out.
func TestJourney(t *testing.T) {
	h := harness.Start(t, &harness.Legacy{}, harness.LegacyLines)
	b := h.Browser()
	if p := b.SignIn("alice"); p.Status != http.StatusFound || p.Location != "/account" {
		t.Fatalf("sign-in without a second factor: %d %q", p.Status, p.Location)
	}
	if p := b.Get("/account"); !strings.Contains(p.Body, harness.SecretOf("alice")) {
		t.Fatalf("signed in, but: %d %s", p.Status, p.Body)
	}
	device := b.Enrol()
	if p := b.Get("/account"); !strings.Contains(p.Body, harness.SecretOf("alice")) {
		t.Fatalf("after the set-up: %d %s", p.Status, p.Body)
	}
	if p := b.Get("/logout"); p.Status != http.StatusFound {
		t.Fatalf("sign-out: %d", p.Status)
	}
	p := b.SignIn("alice")
	if p.Status != http.StatusSeeOther || p.Location != "/two-factor/challenge" || p.Header.Get("X-Portal-User") != "" {
		t.Fatalf("sign-in with a second factor: %d %q %v", p.Status, p.Location, p.Header)
	}
	if p := b.Get("/account"); p.Status != http.StatusSeeOther {
		t.Fatalf("owing a code: %d %s", p.Status, p.Body)
	}
	if p := b.Pass(device.Code(t)); p.Status != http.StatusSeeOther || p.Location != "/account" {
		t.Fatalf("after the code: %d %q %s", p.Status, p.Location, p.Body)
	}
	if p := b.Get("/account"); !strings.Contains(p.Body, harness.SecretOf("alice")) {
		t.Fatalf("cleared, but: %d %s", p.Status, p.Body)
	}
}
