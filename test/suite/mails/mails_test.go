package mails

import (
	"fmt"
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

// whole is a gateway before a Legacy portal, with these lines of mail and of two_factor.
const whole = `{
` + harness.GlobalLines + `	two_factor {
		storage memory DIR
		mail {
			smtp localhost:%s
			user portal
			password {file.%s}
			ca %s
			from "Oma Avaruus <noreply@portal.example>"
		}
	}
}
http://127.0.0.1:PORT {
	bind 127.0.0.1
	two_factor {
		whoami /me {
			anonymous status 401
			user json user
			name json name
			email json email
		}
		sign_in /login
		backup_codes 4
		brand {
			name "Oma Avaruus"
		}
		support support@portal.example
		throttle {
			free 1
			wait 1s
			max 1s
		}
		%s
	}
	reverse_proxy PORTAL
}
`

// start runs mail server, portal and gateway. password is what the gateway signs in with.
func start(t *testing.T, server *mailserver.Server, password, lines string) *harness.Harness {
	t.Helper()
	file := filepath.Join(t.TempDir(), "smtp")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	portal := &harness.Legacy{Email: func(user string) string { return user + "@example.test" }}
	return harness.StartWhole(t, portal, fmt.Sprintf(whole, server.Port, file, server.CA, lines))
}

func post(t *testing.T, b *harness.Browser, path string, want int, pairs ...string) *harness.Page {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	p := b.Post(path, form)
	if p.Status != want {
		t.Fatalf("%s %v: status %d %q, want %d\n%.1500s", path, pairs, p.Status, p.Location, want, p.Body)
	}
	return p
}

// awaitLog waits until the log holds a text.
func awaitLog(t *testing.T, h *harness.Harness, text string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(h.LogText(), text); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the log never says %q", text)
		}
	}
}

// latest waits for the n-th mail to alice and returns the one with that subject.
func latest(t *testing.T, server *mailserver.Server, n int, subject string) mailserver.Mail {
	t.Helper()
	for _, m := range server.To("alice@example.test", n) {
		if m.Subject == "Oma Avaruus: "+subject {
			return m
		}
	}
	t.Fatalf("no mail says %q", subject)
	return mailserver.Mail{}
}

// TestJourneyOfMails: each event of an account leads to one mail to its address, with what
// happened, when, and from where.
func TestJourneyOfMails(t *testing.T) {
	server := mailserver.Start(t, false)
	h := start(t, server, mailserver.Password, "")
	alice := h.Browser()
	alice.SignIn("alice")
	post(t, alice, "/two-factor/setup", http.StatusSeeOther, "action", "send-code")
	code := latest(t, server, 1, "your code for setting up two-factor authentication")
	post(t, alice, "/two-factor/setup", http.StatusSeeOther, "action", "mail-code", "code", code.Code())
	device := alice.Enrol()
	on := latest(t, server, 2, "two-factor authentication is on")
	for _, want := range []string{"From the address: 127.0.0.1", "Account: ALICE", "Support: support@portal.example", "UTC"} {
		if !strings.Contains(on.Text, want) {
			t.Errorf("the mail does not say %q:\n%s", want, on.Text)
		}
	}
	if on.Header.Get("Auto-Submitted") != "auto-generated" || on.From != "noreply@portal.example" {
		t.Errorf("the headers are %v", on.Header)
	}

	again := h.Browser()
	again.SignIn("alice")
	again.Pass(device.Backup[0])
	latest(t, server, 3, "a backup code was used")
	post(t, again, "/two-factor/backup-codes", http.StatusSeeOther, "action", "generate", "code", device.Code(t))
	latest(t, server, 4, "new backup codes were made")

	thief := h.Browser()
	thief.SignIn("alice")
	for range 6 {
		thief.Pass("000000")
	}
	wrong := latest(t, server, 5, "wrong codes with your password")
	if !strings.Contains(wrong.Text, "somebody knows your password") {
		t.Errorf("the mail says\n%s", wrong.Text)
	}
	post(t, again, "/two-factor/disable", http.StatusSeeOther, "code", device.Code(t))
	latest(t, server, 6, "two-factor authentication is off")
	noSecrets(t, h, code.Code(), device)
}

// noSecrets looks for what must not be in the log.
func noSecrets(t *testing.T, h *harness.Harness, code string, device *harness.Device) {
	t.Helper()
	log := h.LogText()
	if !strings.Contains(log, "mail sent") {
		t.Error("the log does not say that mails were sent")
	}
	for _, secret := range append([]string{code, strings.ReplaceAll(code, " ", ""), device.Secret, mailserver.Password}, device.Backup...) {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// TestNoticesOutliveWrongSettings: a mail server that is down, and wrong settings, delay no
// request. The notice waits, and is sent when a reload corrects the settings.
func TestNoticesOutliveWrongSettings(t *testing.T) {
	server := mailserver.Start(t, false)
	h := start(t, server, "wrong", "enrol_mail off")
	alice := h.Browser()
	alice.SignIn("alice")
	alice.Enrol()
	awaitLog(t, h, "the mail server accepts no mails")
	if strings.Contains(h.LogText(), `"wrong"`) {
		t.Error("the password is in the log")
	}
	file := filepath.Join(t.TempDir(), "smtp")
	if err := os.WriteFile(file, []byte(mailserver.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.TryWhole(fmt.Sprintf(whole, server.Port, file, server.CA, "enrol_mail off")); err != nil {
		t.Fatal(err)
	}
	latest(t, server, 1, "two-factor authentication is on")
}

// Bad settings are refused when they are loaded, with the remedy.
func TestBadMailSettings(t *testing.T) {
	h := harness.StartWhole(t, &harness.Legacy{}, "{\n"+harness.GlobalLines+"}\n:PORT {\n	bind 127.0.0.1\n}\n")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ password, ca, want string }{
		{"/does/not/exist", empty, "password {file./does/not/exist} can't be read: open /does/not/exist: no such file"},
		{empty, empty, "is empty"},
		{"../mails/doc.go", empty, "holds no certificate"},
		{"../mails/doc.go", "/does/not/exist", "ca: open /does/not/exist"},
	} {
		err := h.TryWhole(fmt.Sprintf(whole, "25", c.password, c.ca, ""))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("password %s, ca %s: error %v, want %q", c.password, c.ca, err, c.want)
		}
	}
	site := strings.ReplaceAll(whole, "mail {", "mail_ {")
	site = site[:strings.Index(site, "		mail_ {")] + site[strings.Index(site, "	}\n}\nhttp"):]
	err := h.TryWhole(fmt.Sprintf(site, "enrol_mail on"))
	if err == nil || !strings.Contains(err.Error(), "enrol_mail on: no mail server is configured") {
		t.Errorf("enrol_mail without mail: %v", err)
	}
}
