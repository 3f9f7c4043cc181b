//go:build crash

package operations

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
	"github.com/secondgate/secondgate/test/kit/mailserver"
)

// desk is a support desk next to the portal, with the staff member anna and the password
// "pw-anna".
const desk = `%s {
	bind 127.0.0.1
	basic_auth {
		anna $2a$04$J..zKrXukB8M3tiNFF32VuKqmwpc/2beuZ7Qz6AB.VjLsG8DEvoiK
	}
	two_factor_admin {
		act anna
	}
}
`

// TestStaffActsAreTold: each staff action on an account leads to a notice to its owner. The notice
// has neither the staff member's name nor the issued code.
func TestStaffActsAreTold(t *testing.T) {
	server := mailserver.Start(t, false)
	file := filepath.Join(t.TempDir(), "smtp")
	if err := os.WriteFile(file, []byte(mailserver.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	at := "http://127.0.0.1:" + harness.FreePort(t)
	portal := &harness.Legacy{Email: func(user string) string { return user + "@example.test" }}
	h := harness.StartWhole(t, portal, fmt.Sprintf(whole+desk, server.Port, file, server.CA, "enrol_mail off", at))
	alice := h.Browser()
	alice.SignIn("alice")
	alice.Enrol()
	latest(t, server, 1, "two-factor authentication is on")
	anna := harness.NewBrowser(t, at)
	anna.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("anna:pw-anna")))
	act := func(name string) *harness.Page {
		t.Helper()
		return post(t, anna, "/act", http.StatusSeeOther, "act", name, "realm", "default", "id", "alice", "reason", "ticket 4711, called back", "life", "24")
	}
	shown := anna.Get(act("recovery").Location)
	if shown.Status != http.StatusOK {
		t.Fatalf("the recovery code's page: %d", shown.Status)
	}
	for n, subject := range []string{"a recovery code was issued", "you were signed out everywhere", "two-factor authentication was reset"} {
		if n > 0 {
			act([]string{"", "end", "reset"}[n])
		}
		m := latest(t, server, n+2, subject)
		for _, hidden := range []string{"anna", "4711", "127.0.0.1"} {
			if strings.Contains(m.Text, hidden) {
				t.Errorf("%q tells %q:\n%s", subject, hidden, m.Text)
			}
		}
		for _, word := range strings.Fields(m.Text) {
			if len(word) == 19 && strings.Count(word, "-") == 3 {
				t.Errorf("%q holds what looks like a code: %s", subject, word)
			}
		}
	}
}
