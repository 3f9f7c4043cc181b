package userpages

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/templates/templatestest"
)

// mailing is a world in which first set-ups wait for a code by email.
func mailing(t *testing.T, change func(*Options)) *world {
	return newWorld(t, func(o *Options) {
		o.EnrolMail = true
		if change != nil {
			change(o)
		}
	})
}

// mails are those that wait, the oldest first.
func (w *world) mails() []store.Mail {
	w.t.Helper()
	mails, err := w.db.DueMails(context.Background(), w.now, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	return mails
}

// mailed is the code in the newest mail.
func (w *world) mailed() string {
	w.t.Helper()
	mails := w.mails()
	if len(mails) == 0 {
		w.t.Fatal("no mail waits")
	}
	code, err := w.pages.Factors.(*factor.Service).MailedCode(mails[len(mails)-1])
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// other is a code that is wrong.
func other(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

func TestFirstSetUpWaitsForACode(t *testing.T) {
	w := mailing(t, nil)
	alice := w.browser("alice")
	page := alice.get("/two-factor/setup").want(200, "Confirm that it is you", "a•••@example.com")
	page.wantNot("otpauth:", "alice@example.com")
	if len(w.mails()) != 0 {
		t.Fatal("looking at the page sent a mail")
	}
	alice.post("/two-factor/setup", "action", "send-code").wantTo("/two-factor/setup")
	alice.get("/two-factor/setup").want(200, "is on its way to a•••@example.com", "Send another code").wantNot("otpauth:")
	m := w.mails()[0]
	if m.To != "alice@example.com" || m.Kind != store.MailEnrolCode || m.Language != "en" || m.Ends.Sub(w.now) != factor.MailCodeLife || strings.Contains(string(m.Secret), strings.ReplaceAll(w.mailed(), " ", "")) {
		t.Errorf("the mail is %+v", m)
	}
	code := w.mailed()
	alice.post("/two-factor/setup", "action", "mail-code", "code", other(code)).want(422, "not the code that we sent").wantNot("otpauth:")
	alice.post("/two-factor/setup", "action", "mail-code", "code", "12x").want(422, "has 8 digits")
	alice.post("/two-factor/setup", "action", "mail-code", "code", " ").want(422, "Enter a code")
	alice.post("/two-factor/setup", "action", "mail-code", "code", strings.ReplaceAll(code, " ", "-")).wantTo("/two-factor/setup")
	alice.get("/two-factor/setup").want(200, "otpauth:")
	alice.enrol()
	if u, err := w.db.User(context.Background(), store.UserKey{Realm: "default", ID: "alice"}); err != nil || u.Language != "en" {
		t.Errorf("the language for notices is %q, %v", u.Language, err)
	}
	for _, line := range w.logs.All() {
		for name, value := range line.ContextMap() {
			if s, ok := value.(string); ok && (strings.Contains(s, strings.ReplaceAll(code, " ", "")) || strings.Contains(s, code)) {
				t.Errorf("the code is in the log, as %s of %q", name, line.Message)
			}
		}
	}
}

// A code by email is spent once. It permits the set-up to its user in this visit only.
func TestACodeByMailIsSpentOnce(t *testing.T) {
	w := mailing(t, nil)
	alice := w.browser("alice")
	alice.post("/two-factor/setup", "action", "send-code")
	code := w.mailed()
	alice.post("/two-factor/setup", "action", "mail-code", "code", code).wantTo("/two-factor/setup")
	thief := w.browser("alice")
	thief.post("/two-factor/setup", "action", "mail-code", "code", code).want(422, "That code is over")
	for name, value := range alice.cookies {
		thief.cookies[name] = value // the sealed set-up, in another visit
	}
	thief.get("/two-factor/setup").want(200, "Confirm that it is you").wantNot("otpauth:")
}

// TestConfirmLooksAtTheProof: a set-up that was begun without a code, as before
// enrol_mail was switched on, or for another address, confirms nothing.
func TestConfirmLooksAtTheProof(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	page := alice.get("/two-factor/setup").want(200, "otpauth:")
	e := &enrolled{world: w, secret: page.first(secretIn)}
	w.pages.EnrolMail = true
	alice.post("/two-factor/setup", "setup", page.first(setupIn), "code", e.code()).wantTo("/two-factor/setup")
	alice.get("/two-factor/setup").want(200, "Confirm that it is you").wantNot("otpauth:")

	alice.post("/two-factor/setup", "action", "send-code")
	alice.post("/two-factor/setup", "action", "mail-code", "code", w.mailed())
	page = alice.get("/two-factor/setup").want(200, "otpauth:")
	e.secret = page.first(secretIn)
	alice.email = "alice@elsewhere.example"
	alice.post("/two-factor/setup", "setup", page.first(setupIn), "code", e.code()).wantTo("/two-factor/setup")
	alice.get("/two-factor/setup").want(200, "a•••@elsewhere.example").wantNot("otpauth:")
	if u, err := w.db.User(context.Background(), store.UserKey{Realm: "default", ID: "alice"}); err == nil && u.Activated() {
		t.Error("a factor was set up without the proof")
	}
}

func TestCodesByMailAreBounded(t *testing.T) {
	w := mailing(t, nil)
	alice := w.browser("alice")
	send := func() answer { return alice.post("/two-factor/setup", "action", "send-code") }
	send().wantTo("/two-factor/setup")
	code := w.mailed()
	for range 4 {
		alice.post("/two-factor/setup", "action", "mail-code", "code", other(code)).want(422, "not the code")
	}
	alice.post("/two-factor/setup", "action", "mail-code", "code", other(code)).want(422, "tried too often")
	alice.post("/two-factor/setup", "action", "mail-code", "code", code).want(422, "That code is over")
	w.now = w.now.Add(time.Second)
	send().wantTo("/two-factor/setup")
	w.now = w.now.Add(time.Second)
	old := w.mailed()
	send().wantTo("/two-factor/setup")
	if old == w.mailed() {
		t.Fatal("the same code again")
	}
	alice.post("/two-factor/setup", "action", "mail-code", "code", old).want(422, "not the code")
	send().want(429, "Please wait 60 minutes")
	w.now = w.now.Add(factor.MailCodeLife)
	alice.post("/two-factor/setup", "action", "mail-code", "code", w.mailed()).want(422, "That code is over")
	w.browser("bob").post("/two-factor/setup", "action", "send-code").wantTo("/two-factor/setup")
	for range 7 { // ten a day
		w.now = w.now.Add(time.Hour)
		send().wantTo("/two-factor/setup")
	}
	w.now = w.now.Add(time.Hour)
	send().want(429, "No more codes can be sent today")
	if n := len(w.mails()); n != 11 {
		t.Errorf("%d mails wait, want 11", n)
	}
}

// The page's text about a mail that is delayed, or that can't be sent.
func TestMailThatDoesNotArrive(t *testing.T) {
	w := mailing(t, nil)
	alice := w.browser("alice")
	alice.post("/two-factor/setup", "action", "send-code")
	w.now = w.now.Add(mailLate)
	alice.get("/two-factor/setup").want(200, "could not send the e-mail yet", "support@example.com")
	m := w.mails()[0]
	if err := w.db.UpdateMail(t.Context(), m.ID, func(*store.Mail) (bool, error) { return false, nil }); err != nil {
		t.Fatal(err)
	}
	alice.get("/two-factor/setup").want(200, "is on its way")
	err := w.db.Update(t.Context(), m.Key(), func(tx store.Tx) error {
		c, err := tx.MailCode()
		if err != nil {
			return err
		}
		c.Failed = true
		return tx.PutMailCode(c, w.now.Add(time.Hour))
	})
	if err != nil {
		t.Fatal(err)
	}
	alice.get("/two-factor/setup").want(200, "could not be delivered to a•••@example.com", "support@example.com")
}

// Without an address there is nothing to ask for, and the event says so. An address that the
// portal reported before still counts.
func TestNoAddress(t *testing.T) {
	w := mailing(t, nil)
	alice, bob := w.browser("alice"), w.browser("bob")
	alice.email, bob.email = "-", "not an address"
	key := store.UserKey{Realm: "default", ID: "alice"}
	err := w.db.Update(t.Context(), key, func(tx store.Tx) error {
		return tx.PutUser(store.User{Key: key, FirstSeen: w.now, Email: "kept@example.com"})
	})
	if err != nil {
		t.Fatal(err)
	}
	alice.get("/two-factor/setup").want(200, "k•••@example.com").wantNot("otpauth:")
	bob.enrol()
	bob.post("/two-factor/setup", "action", "send-code").wantTo("/two-factor/setup")
	if len(w.mails()) != 0 {
		t.Error("a mail was sent to nowhere")
	}
}

// Only the first set-up asks for the code by email. A code of the old authenticator proves more.
func TestReplacingNeedsNoMail(t *testing.T) {
	w := mailing(t, nil)
	alice := w.browser("alice")
	alice.post("/two-factor/setup", "action", "send-code")
	alice.post("/two-factor/setup", "action", "mail-code", "code", w.mailed())
	e := alice.enrol()
	alice.post("/two-factor/setup", "action", "send-code").wantTo("/two-factor/setup")
	alice.post("/two-factor/setup", "action", "mail-code", "code", "12345678").wantTo("/two-factor/setup")
	alice.post("/two-factor/setup", "action", "replace", "code", e.code()).wantTo("/two-factor/setup")
	alice.get("/two-factor/setup").want(200, "Connect your new authenticator")
	if len(w.mails()) != 1 {
		t.Error("another mail was queued")
	}
}

// TestOnlyWhoGaveACodeChoosesTheLanguage: notices use the language that the owner chose after a
// code. Otherwise an attacker with the password could choose one that the owner can't read.
func TestOnlyWhoGaveACodeChoosesTheLanguage(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Locales = pseudo(t) })
	language := func() string {
		t.Helper()
		u, err := w.db.User(t.Context(), store.UserKey{Realm: "default", ID: "alice"})
		if err != nil {
			t.Fatal(err)
		}
		return u.Language
	}
	alice := w.browser("alice")
	alice.enrol()
	thief := w.browser("alice")
	thief.header = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	thief.get("/two-factor/challenge?lang=" + templatestest.RTL).want(200)
	if got := language(); got != "en" {
		t.Errorf("without a code the language became %q", got)
	}
	alice.header = http.Header{"Sec-Fetch-Site": {"same-origin"}}
	alice.get("/two-factor/?lang=" + templatestest.RTL).want(200)
	if got := language(); got != templatestest.RTL {
		t.Errorf("the language that alice chose is not kept: %q", got)
	}
}

func TestMailCodesWhenTheStoreFails(t *testing.T) {
	w := mailing(t, nil)
	alice := w.browser("alice")
	w.pages.Factors = failingMail{w.pages.Factors}
	alice.post("/two-factor/setup", "action", "send-code").want(503, "")
	alice.post("/two-factor/setup", "action", "mail-code", "code", "12345678").want(503, "").wantNot("otpauth:")
}

type failingMail struct{ Factors }

func (failingMail) SendMailCode(context.Context, factor.Attempt, string, string) error {
	return errors.New("disk is full")
}
func (failingMail) ProveMail(context.Context, factor.Attempt, string) error {
	return errors.New("disk is full")
}
