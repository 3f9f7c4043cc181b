package userpages

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
)

func TestTheWholeJourney(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	alice.get("/two-factor/").want(200, "Off", "protected by the password only", "Set up two-factor authentication")
	e := alice.enrol()
	alice.get("/two-factor/").want(200, "Tip: sign out and in again now", "Enabled since", "10 of 10", "This browser", "Firefox on Linux").wantNot("Off<")
	alice.get("/two-factor/").wantNot("Tip:")
	if alice.changed != 1 {
		t.Errorf("the gateway was told of %d changes", alice.changed)
	}

	other := w.browser("alice")
	other.get("/two-factor/").wantTo("/two-factor/challenge")
	other.get("/two-factor/challenge").want(200, "Enter your code", "a•••@example.com", `name="code"`, `autocomplete="one-time-code"`, `inputmode="numeric"`, "Use a backup code", "Can't get a code?", "Cancel and sign out").wantNot("alice@example.com")
	other.post("/two-factor/challenge", "code", "000 000").want(422, "That code did not work", "You can try 5 more times", `role="alert"`, `aria-invalid="true"`)
	other.post("/two-factor/challenge", "code", e.code()).wantTo("/two-factor/")
	other.get("/two-factor/").want(200, "Enabled since", "Sign out: Firefox on Linux")

	third := w.browser("alice")
	third.post("/two-factor/challenge?use=backup", "code", strings.ToLower(e.codes[0])).wantTo("/")
	third.get("/two-factor/").want(200, "9 of 10", "with backup code")
	third.get("/two-factor/disable").want(200, "Turn off two-factor authentication")
	third.post("/two-factor/disable", "code", "000000").want(422, "That code did not work")
	third.post("/two-factor/disable", "code", e.codes[1]).wantTo("/two-factor/")
	third.get("/two-factor/").want(200, "Two-factor authentication is off. Your account is now protected by the password only.", "Off")
	if len(third.ended) != 2 || third.changed != 1 {
		t.Errorf("the gateway was told of %d changes and %d ended sessions, want 1 and both others", third.changed, len(third.ended))
	}
}

// ASVS 6.5.1: the code that confirmed the set-up, and one that opened the portal, are used up.
func TestASVS_6_5_1_ACodeOpensOnce(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	page := alice.get("/two-factor/setup").want(200)
	code := codeAt(t, page.first(secretIn), w.now)
	alice.post("/two-factor/setup", "setup", page.first(setupIn), "code", code).wantTo("/two-factor/backup-codes")
	w.browser("alice").post("/two-factor/challenge", "code", code).want(422, "That code did not work")

	e := &enrolled{world: w, secret: page.first(secretIn)}
	next := e.code()
	w.browser("alice").post("/two-factor/challenge", "code", next).wantTo("/")
	w.browser("alice").post("/two-factor/challenge", "code", next).want(422, "That code did not work")
}

func TestReturnTarget(t *testing.T) {
	w := newWorld(t, nil)
	e := w.browser("alice").enrol()
	send := func(b *browser, ret Return) {
		answer := newRecorder()
		w.pages.State.SetReturn(answer, ret, true)
		for _, cookie := range answer.Result().Cookies() {
			b.keep(cookie)
		}
	}
	t.Run("to the page asked for", func(t *testing.T) {
		b := w.browser("alice")
		send(b, Return{User: "alice", Target: "/clientarea.php?action=details"})
		b.post("/two-factor/challenge", "code", e.code()).wantTo("/clientarea.php?action=details")
		b.get("/two-factor/challenge").wantTo("/")
	})
	t.Run("never to another user's", func(t *testing.T) {
		b := w.browser("alice")
		send(b, Return{User: "bob", Target: "/bobs-secret"})
		b.post("/two-factor/challenge", "code", e.code()).wantTo("/")
	})
	t.Run("a form was not sent", func(t *testing.T) {
		b := w.browser("alice")
		send(b, Return{User: "alice", Target: "/order.php?id=7", NotSent: true})
		b.post("/two-factor/challenge", "code", e.code()).wantTo("/two-factor/challenge")
		b.get("/two-factor/challenge").want(200, "Your form was not sent", `href="/order.php?id=7"`)
		b.get("/two-factor/challenge").wantTo("/")
	})
	t.Run("never off the origin", func(t *testing.T) {
		b := w.browser("alice")
		send(b, Return{User: "alice", Target: `/\evil.com`})
		b.post("/two-factor/challenge", "code", e.code()).wantTo("/")
	})
	t.Run("too long for a cookie", func(t *testing.T) {
		b := w.browser("alice")
		send(b, Return{User: "alice", Target: "/search?q=" + strings.Repeat("x", 5000)})
		b.post("/two-factor/challenge", "code", e.code()).wantTo("/search")
	})
	t.Run("not after an hour", func(t *testing.T) {
		b := w.browser("alice")
		send(b, Return{User: "alice", Target: "/late"})
		w.now = w.now.Add(time.Hour)
		b.post("/two-factor/challenge", "code", e.code()).wantTo("/")
	})
}

func TestSetup(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	first := alice.get("/two-factor/setup").want(200, "otpauth://totp/Oma%20Avaruus:alice%40example.com?", "<svg", "6 digits, every 30 seconds", "Google Authenticator", "Treat the QR code and the key like a password")
	secret, id := first.first(secretIn), first.first(setupIn)
	if again := alice.get("/two-factor/setup").first(secretIn); again != secret {
		t.Error("a refresh made another secret")
	}
	wrong := alice.post("/two-factor/setup", "setup", id, "code", "000000").want(422, "That code did not work")
	if wrong.first(secretIn) != secret {
		t.Error("a wrong code made another secret")
	}
	alice.post("/two-factor/setup", "setup", id, "code", "").want(422, "Enter a code.")
	alice.post("/two-factor/setup", "setup", id, "code", codeAt(t, secret, w.now.Add(-3*time.Minute))).want(422, "clock is about 3 minutes behind")
	alice.post("/two-factor/setup", "setup", id, "code", codeAt(t, secret, w.now.Add(90*time.Second))).want(422, "ahead")
	alice.post("/two-factor/setup", "setup", "another", "code", codeAt(t, secret, w.now)).want(422, "started anew")
	if _, err := w.db.User(context.Background(), store.UserKey{Realm: "default", ID: "alice"}); err == nil {
		t.Error("something was stored before a code was confirmed")
	}
	alice.post("/two-factor/setup", "setup", id, "code", codeAt(t, secret, w.now)).wantTo("/two-factor/backup-codes")
}

// Two tabs enrol: one wins, and the active factor is the winner's.
func TestTwoBrowsersEnrol_OneWins(t *testing.T) {
	w := newWorld(t, nil)
	one, two := w.browser("alice"), w.browser("alice")
	first, second := one.get("/two-factor/setup"), two.get("/two-factor/setup")
	one.post("/two-factor/setup", "setup", first.first(setupIn), "code", codeAt(t, first.first(secretIn), w.now)).wantTo("/two-factor/backup-codes")
	two.post("/two-factor/setup", "setup", second.first(setupIn), "code", codeAt(t, second.first(secretIn), w.now)).wantTo("/two-factor/challenge")
	e := &enrolled{world: w, secret: first.first(secretIn)}
	two.post("/two-factor/challenge", "code", e.code()).wantTo("/two-factor/challenge")
	two.get("/two-factor/challenge").want(200, "Your form was not sent", `href="/two-factor/setup"`)
}

func TestBackupCodesAreShownUntilClose(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	page := alice.get("/two-factor/setup")
	e := &enrolled{world: w, secret: page.first(secretIn)}
	alice.post("/two-factor/setup", "setup", page.first(setupIn), "code", e.code()).wantTo("/two-factor/backup-codes")
	codes := alice.get("/two-factor/backup-codes").want(200, "They are shown only now").backupCodes()

	text := alice.get("/two-factor/backup-codes?as=text").want(200, "For alice@example.com at Oma Avaruus", "Made on "+w.now.Format(time.DateOnly))
	for _, code := range codes {
		if !strings.Contains(text.body, code+"\n") {
			t.Errorf("the file lacks %s", code)
		}
	}
	if got, want := text.Header.Get("Content-Disposition"), `attachment; filename="Oma-Avaruus-alice@example.com-backup-codes.txt"`; got != want {
		t.Errorf("the file is sent as %s, want %s", got, want)
	}
	if sheet := alice.get("/two-factor/backup-codes?as=sheet").want(200, "Backup codes").backupCodes(); len(sheet) != 10 {
		t.Errorf("the sheet has %d codes", len(sheet))
	}

	t.Run("in this visit only", func(t *testing.T) {
		thief := w.browser("alice")
		thief.cookies = alice.cookies
		thief.get("/two-factor/backup-codes").wantTo("/two-factor/challenge")
		thief.post("/two-factor/challenge", "code", e.code()).want(http.StatusSeeOther)
		thief.get("/two-factor/backup-codes").want(200, "New codes replace the old ones").wantNot(codes...)
	})
	t.Run("until they are saved", func(t *testing.T) {
		alice.post("/two-factor/backup-codes", "action", "close").want(422, "Save your backup codes first", codes[0])
		alice.post("/two-factor/backup-codes", "action", "close", "saved", "yes").wantTo("/two-factor/")
		alice.get("/two-factor/backup-codes").want(200).wantNot(codes...)
		alice.get("/two-factor/backup-codes?as=text").wantTo("/two-factor/backup-codes")
	})
	t.Run("ten minutes at most", func(t *testing.T) {
		alice.post("/two-factor/backup-codes", "action", "generate", "code", e.code()).wantTo("/two-factor/backup-codes")
		w.now = w.now.Add(10 * time.Minute)
		if codes := alice.get("/two-factor/backup-codes").want(200).backupCodes(); codes != nil {
			t.Errorf("still shown: %d codes", len(codes))
		}
	})
}

func TestGenerateAndReplace(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	e := alice.enrol()
	alice.post("/two-factor/backup-codes", "action", "generate", "code", e.code()).wantTo("/two-factor/backup-codes")
	fresh := alice.get("/two-factor/backup-codes").backupCodes()
	w.browser("alice").post("/two-factor/challenge?use=backup", "code", e.codes[0]).want(422)
	other := w.browser("alice")
	other.post("/two-factor/challenge?use=backup", "code", fresh[0]).wantTo("/")

	alice.get("/two-factor/setup").want(200, "Replace your authenticator").wantNot("otpauth:")
	alice.post("/two-factor/setup", "action", "replace", "code", "123456").want(422, "That code did not work")
	alice.post("/two-factor/setup", "action", "replace", "code", e.code()).wantTo("/two-factor/setup")
	page := alice.get("/two-factor/setup").want(200, "Connect your new authenticator", "keeps working until the new one is confirmed")
	w.browser("alice").post("/two-factor/challenge", "code", e.code()).wantTo("/")
	renewed := &enrolled{world: w, secret: page.first(secretIn)}
	alice.post("/two-factor/setup", "setup", page.first(setupIn), "code", renewed.code()).wantTo("/two-factor/")
	alice.get("/two-factor/").want(200, "Your new authenticator is in use", "9 of 10")
	w.browser("alice").post("/two-factor/challenge", "code", e.code()).want(422)
	w.browser("alice").post("/two-factor/challenge", "code", renewed.code()).wantTo("/")
	other.get("/two-factor/").wantTo("/two-factor/challenge")
	if !slices.Contains(alice.ended, other.visit) || slices.Contains(alice.ended, alice.visit) {
		t.Errorf("the gateway was told that %v ended", alice.ended)
	}
}

// A code that is sent twice is not spent again by a browser that is already cleared.
func TestASecondSubmitSpendsNothing(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	e := alice.enrol()
	code := e.code()
	alice.post("/two-factor/challenge", "code", code).wantTo("/two-factor/challenge")
	alice.get("/two-factor/challenge").wantTo("/")
	w.browser("alice").post("/two-factor/challenge", "code", code).wantTo("/")
}

// ASVS 7.5.1: factors change only for a fresh code, in the visit that gave it.
func TestASVS_7_5_1_ReplacingNeedsAFreshCodeInThisVisit(t *testing.T) {
	w := newWorld(t, nil)
	alice, other := w.browser("alice"), w.browser("alice")
	e := alice.enrol()
	other.post("/two-factor/challenge", "code", e.code()).wantTo("/")
	alice.post("/two-factor/setup", "action", "replace", "code", e.code()).wantTo("/two-factor/setup")
	for name, value := range alice.cookies {
		other.cookies[name] = value
	}
	other.get("/two-factor/setup").want(200, "Replace your authenticator").wantNot("otpauth:")
	other.post("/two-factor/setup", "setup", "x", "code", "123456").wantTo("/two-factor/setup")
	alice.post("/two-factor/setup", "action", "cancel").wantTo("/two-factor/")
	alice.get("/two-factor/setup").want(200, "Replace your authenticator")
}

// The set-up of before being turned off must not revive the factor.
func TestOldSetupRevivesNothing(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	page := alice.get("/two-factor/setup")
	old := alice.cookies[cookiestate.CookieName("setup", true)]
	e := &enrolled{world: w, secret: page.first(secretIn)}
	alice.post("/two-factor/setup", "setup", page.first(setupIn), "code", e.code()).want(http.StatusSeeOther)
	alice.post("/two-factor/disable", "code", e.code()).wantTo("/two-factor/")
	alice.cookies[cookiestate.CookieName("setup", true)] = old
	alice.post("/two-factor/setup", "setup", page.first(setupIn), "code", e.code()).wantTo("/two-factor/")
	alice.get("/two-factor/").want(200, "was changed in another tab", "Off")
}

// TestSetupOfAnotherTimeIsNotShown: a replacement that was begun for an authenticator is not shown
// after that authenticator is gone.
func TestSetupOfAnotherTimeIsNotShown(t *testing.T) {
	w := newWorld(t, nil)
	alice := w.browser("alice")
	alice.enrol()
	rec := newRecorder()
	e := factor.Enrolment{ID: "e", Secret: []byte("secret"), Algorithm: factor.SHA1, Digits: 6, Period: 30, Started: w.now, Replaces: "gone"}
	if err := setupField.Put(w.pages.State.browser(rec, nil, true), cookiestate.Owner{User: "alice", Visit: alice.visit}, e); err != nil {
		t.Fatal(err)
	}
	for _, cookie := range rec.Result().Cookies() {
		alice.keep(cookie)
	}
	alice.get("/two-factor/setup").want(200, "Replace your authenticator").wantNot("otpauth:")
}
