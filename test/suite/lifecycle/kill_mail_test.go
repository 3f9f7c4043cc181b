//go:build crash

package lifecycle

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
	"github.com/secondgate/secondgate/test/kit/mailserver"
)

// TestKillBeforeTheMail: kill -9 between queueing and sending, and between an event and its
// notice, loses no mail. A mail that is sent twice has one Message-ID.
func TestKillBeforeTheMail(t *testing.T) {
	server := mailserver.Prepare(t, true) // and down
	o := newOutside(t, &harness.Legacy{Email: func(user string) string { return user + "@example.test" }},
		strings.Replace(named, "user json user", "user json user\n		email json email", 1))
	config := filepath.Join(o.dir, "Caddyfile")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	mail := "mail {\n smtp localhost:" + server.Port + "\n tls none\n from noreply@portal.example\n}\n storage badger "
	write(t, config, strings.Replace(string(text), "storage badger ", mail, 1))
	o.start(t)
	alice := harness.NewBrowser(t, o.base)
	alice.SignIn("alice")
	if p := alice.Post("/two-factor/setup", url.Values{"action": {"send-code"}}); p.Status != http.StatusSeeOther {
		t.Fatalf("sending a code: %d %.600s", p.Status, p.Body)
	}
	o.kill()
	server.Start()
	o.start(t)
	code := once(t, server, 1)
	if p := alice.Post("/two-factor/setup", url.Values{"action": {"mail-code"}, "code": {code.Code()}}); p.Status != http.StatusSeeOther {
		t.Fatalf("the code from before the crash: %d %.600s", p.Status, p.Body)
	}
	alice.Enrol()
	o.kill()
	o.start(t)
	if notice := once(t, server, 2); !strings.Contains(notice.Subject, "is on") {
		t.Errorf("the mail says %q", notice.Subject)
	}
}

// once waits until there are n mails with different Message-IDs, and returns the last.
func once(t *testing.T, server *mailserver.Server, n int) mailserver.Mail {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var last mailserver.Mail
		ids := map[string]bool{}
		for _, m := range server.Mails() {
			if n == 1 || strings.Contains(m.Subject, "is on") {
				last = m
			}
			ids[m.MessageID] = true
		}
		if len(ids) == n {
			return last
		}
		if len(ids) > n || time.Now().After(end) {
			t.Fatalf("%d mails arrived, want %d", len(ids), n)
		}
	}
}
