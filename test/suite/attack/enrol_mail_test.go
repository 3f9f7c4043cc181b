//go:build crash

package attack

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/kit/harness"
	"github.com/secondgate/secondgate/test/kit/mailserver"
)

const mailing = `{
` + harness.GlobalLines + `	two_factor {
		storage memory DIR
		mail {
			smtp localhost:%s
			tls none
			from noreply@portal.example
		}
	}
}
http://127.0.0.1:PORT {
	bind 127.0.0.1
	two_factor {
		whoami /me {
			anonymous status 401
			user json user
			email json email
		}
		sign_in /login
		require always
		backup_codes 4
	}
	reverse_proxy PORTAL
}
`

var (
	shownSecret = regexp.MustCompile(`otpauth://totp/[^"?]*\?secret=([A-Z2-7]+)`)
	shownSetup  = regexp.MustCompile(`name="setup" value="([^"]+)"`)
)

// TestAttack_ThiefEnrolsFirst: an attacker has the password of a user without a second factor, but
// not the mailbox. The attacker can't enrol: not by reading the pages, by guessing, by a hand-made
// form, or with the proof of the attacker's own account. The owner can.
func TestAttack_ThiefEnrolsFirst(t *testing.T) {
	server := mailserver.Start(t, true)
	portal := &harness.Legacy{Email: func(user string) string { return user + "@example.test" }}
	h := harness.StartWhole(t, portal, fmt.Sprintf(mailing, server.Port))
	setup := func(b *harness.Browser, pairs ...string) *harness.Page {
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return b.Post("/two-factor/setup", form)
	}
	thief := h.Browser()
	thief.SignIn("alice")
	refused := func(what string, p *harness.Page) {
		t.Helper()
		page := thief.Get("/two-factor/setup")
		if strings.Contains(p.Body+page.Body, "otpauth:") || strings.Contains(thief.Get("/account").Body, harness.SecretOf("alice")) {
			t.Fatalf("%s: the thief got further: %d %q", what, p.Status, p.Location)
		}
	}
	refused("looking", thief.Get("/two-factor/setup"))

	// The proof of the attacker's own account, with its sealed set-up.
	bob := h.Browser()
	bob.SignIn("bob")
	setup(bob, "action", "send-code")
	setup(bob, "action", "mail-code", "code", server.To("bob@example.test", 1)[0].Code())
	page := html.UnescapeString(bob.Get("/two-factor/setup").Body)
	secret, id := shownSecret.FindStringSubmatch(page), shownSetup.FindStringSubmatch(page)
	if secret == nil || id == nil {
		t.Fatalf("bob, who gave the code, sees no secret: %.600s", page)
	}
	code, err := totp.GenerateCode(secret[1], clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range bob.Cookies("/") {
		if strings.Contains(name, "secondgate-setup") {
			thief.SetCookie(name, value)
		}
	}
	refused("a form made by hand", setup(thief, "setup", id[1], "code", code))

	// Guessing: five times for each of three codes, then no more are sent.
	for range 3 {
		setup(thief, "action", "send-code")
		for n := range 6 {
			refused("guessing", setup(thief, "action", "mail-code", "code", fmt.Sprintf("0000000%d", n)))
		}
	}
	if p := setup(thief, "action", "send-code"); p.Status != http.StatusTooManyRequests {
		t.Errorf("a fourth code within the hour: status %d", p.Status)
	}
	for _, m := range server.To("alice@example.test", 3) {
		refused("a code that was tried too often", setup(thief, "action", "mail-code", "code", m.Code()))
	}
	t.Cleanup(clock.Move(time.Hour))
	owner := h.Browser()
	owner.SignIn("alice")
	setup(owner, "action", "send-code")
	mails := server.To("alice@example.test", 4)
	for _, m := range mails {
		setup(owner, "action", "mail-code", "code", m.Code())
	}
	owner.Enrol()
	refused("after the owner", thief.Get("/two-factor/challenge"))
}
