//go:build crash

package attack

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
	"github.com/secondgate/secondgate/test/kit/mailserver"
)

// besides is a second site of the realm, with a whoami that returns no email address.
const besides = `http://localhost:PORT {
	bind 127.0.0.1
	two_factor {
		realm shared
		whoami /me {
			anonymous status 401
			user json user
		}
		sign_in /login
		require always
	}
	reverse_proxy PORTAL
}
`

// TestAttack_ThiefEnrolsNextDoor: two sites share their users, and only one of them knows email
// addresses and asks for a code by email. The other site is no way around that code, in either
// order of the configuration.
func TestAttack_ThiefEnrolsNextDoor(t *testing.T) {
	asking := strings.Replace(mailing, "two_factor {\n\t\twhoami", "two_factor {\n\t\trealm shared\n\t\twhoami", 1)
	split := strings.Index(asking, "http://127.0.0.1:PORT")
	for name, config := range map[string]string{
		"after":  asking + besides,
		"before": asking[:split] + besides + asking[split:],
	} {
		t.Run(name, func(t *testing.T) {
			server := mailserver.Start(t, true)
			portal := &harness.Legacy{Email: func(user string) string { return user + "@example.test" }}
			h := harness.StartWhole(t, portal, fmt.Sprintf(config, server.Port))
			owner := h.Browser()
			owner.SignIn("alice") // seen once, not set up
			owner.Get("/two-factor/setup")
			h.URL = strings.Replace(h.URL, "127.0.0.1", "localhost", 1)
			thief := h.Browser()
			thief.SignIn("alice")
			page := thief.Get("/two-factor/setup")
			if strings.Contains(page.Body, "otpauth:") || !strings.Contains(page.Body, "send-code") {
				t.Errorf("the site next door: %d %q %.600s", page.Status, page.Location, page.Body)
			}
		})
	}
}

// TestEnrolMailOffNextDoor: a site of the realm that refuses to ask is warned of, once,
// since a second factor that is set up there counts for all.
func TestEnrolMailOffNextDoor(t *testing.T) {
	server := mailserver.Start(t, true)
	asking := strings.Replace(mailing, "two_factor {\n\t\twhoami", "two_factor {\n\t\trealm shared\n\t\twhoami", 1)
	off := strings.Replace(besides, "realm shared", "realm shared\n\t\tenrol_mail off", 1)
	h := harness.StartWhole(t, &harness.Legacy{}, fmt.Sprintf(asking+off, server.Port))
	if n := strings.Count(h.LogText(), "a site of this realm has enrol_mail off"); n != 1 {
		t.Errorf("warned %d times, want once", n)
	}
}
