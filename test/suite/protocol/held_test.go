package protocol

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_HeldGETOverHTTP3: a GET over HTTP/3 is not ended until an answer has expired. That
// answer serves it.
func TestAttack_HeldGETOverHTTP3(t *testing.T) {
	s := serve(t, dripPortal(), fmt.Sprintf(harness.Site, harness.LegacyLate, "PORTAL"))
	alice := s.browser(t, "h1 over TLS")
	alice.SignIn("alice")
	alice.Enrol()
	b := s.browser(t, "h3")
	b.SignInAndGo("carol")
	time.Sleep(2200 * time.Millisecond)
	str := rawH3(t, s, b, "GET", "/account")
	time.Sleep(200 * time.Millisecond)
	b.Post("/login?late=1", url.Values{"user": {"alice"}, "password": {"pw-alice"}})
	b.Get("/account")
	time.Sleep(3 * time.Second)
	_ = str.Close()
	_ = str.SetReadDeadline(time.Now().Add(5 * time.Second))
	raw, _ := io.ReadAll(str)
	if strings.Contains(string(raw), harness.SecretOf("alice")) {
		t.Error("LEAK: alice's page")
	}
}
