package userpages

import (
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
)

// issue issues a recovery code for alice, as staff do.
func (w *world) issue() string {
	w.t.Helper()
	code, _, err := w.pages.Factors.(*factor.Service).IssueRecovery(w.t.Context(), "alice", "sinikka", 24*time.Hour,
		func(store.Tx, store.Recovery) error { return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// recover opens a browser with a recovery code.
func (w *world) recover() *browser {
	w.t.Helper()
	code := w.issue()
	b := w.browser("alice")
	answer := newRecorder()
	w.pages.State.SetReturn(answer, Return{User: "alice", Target: "/invoices"}, true)
	for _, cookie := range answer.Result().Cookies() {
		b.keep(cookie)
	}
	b.get("/two-factor/challenge?use=backup").want(200, "or the code that support gave you")
	b.post("/two-factor/challenge?use=backup", "code", strings.ToLower(code)).wantTo("/two-factor/")
	w.browser("alice").post("/two-factor/challenge", "code", code).want(422, "That code did not work")
	return b
}

// TestRecoveryLeadsToANewAuthenticator: a customer without phone and backup codes gets in with a
// code from support, and can set up a new authenticator and new backup codes without the old ones.
func TestRecoveryLeadsToANewAuthenticator(t *testing.T) {
	w := newWorld(t, nil)
	old := w.browser("alice").enrol()
	b := w.recover()
	b.get("/two-factor/").want(200, "Set up your authenticator now", "Set up a new authenticator", "with code from support")
	b.get("/two-factor/challenge").wantTo("/") // where the customer was going is forgotten
	b.get("/two-factor/setup").want(200, "Connect your new authenticator", "you get new backup codes; the old ones stop")
	b.post("/two-factor/setup", "action", "cancel").wantTo("/two-factor/")
	b.get("/two-factor/").want(200, "Set up your authenticator now") // may begin again
	page := b.get("/two-factor/setup").want(200, "Connect your new authenticator")
	e := &enrolled{world: w, secret: page.first(secretIn)}
	b.post("/two-factor/setup", "setup", page.first(setupIn), "code", e.code()).wantTo("/two-factor/backup-codes")
	fresh := b.get("/two-factor/backup-codes").want(200, "Save your backup codes").backupCodes()
	b.post("/two-factor/backup-codes", "action", "close", "saved", "yes").wantTo("/two-factor/")
	b.get("/two-factor/").want(200, "10 of 10").wantNot("Set up your authenticator now")
	b.get("/two-factor/setup").want(200, "First confirm that it is you") // once only
	other := w.browser("alice")
	for _, code := range []string{old.code(), old.codes[0]} {
		other.post("/two-factor/challenge", "code", code).want(422, "That code did not work")
	}
	other.post("/two-factor/challenge", "code", fresh[0]).wantTo("/")
}

// ASVS 7.5.1: the clearance of a recovery code replaces the authenticator, and does
// nothing else without a fresh code; no other clearance does even that.
func TestASVS_7_5_1_RecoveryIsForReplacing(t *testing.T) {
	w := newWorld(t, nil)
	e := w.browser("alice").enrol()
	t.Run("nothing else", func(t *testing.T) {
		b := w.recover()
		b.get("/two-factor/disable").want(200, `name="code"`)
		b.post("/two-factor/disable", "code", "").want(422, "Enter a code.")
		b.post("/two-factor/backup-codes", "action", "generate", "code", "").want(422, "Enter a code.")
	})
	t.Run("not for ever", func(t *testing.T) {
		b := w.recover()
		w.now = w.now.Add(recoveredTime)
		b.get("/two-factor/").want(200).wantNot("Set up your authenticator now")
		b.get("/two-factor/setup").want(200, "First confirm that it is you").wantNot("<svg")
	})
	t.Run("not by another browser's recovery", func(t *testing.T) {
		other := w.browser("alice")
		other.post("/two-factor/challenge", "code", e.codes[0]).wantTo("/")
		w.recover()
		other.get("/two-factor/setup").want(200, "First confirm that it is you").wantNot("<svg")
	})
	t.Run("a recovery code is no fresh code", func(t *testing.T) {
		b := w.browser("alice")
		b.post("/two-factor/challenge", "code", e.codes[1]).wantTo("/")
		code := w.issue()
		b.post("/two-factor/disable", "code", code).want(422, "That code did not work")
		b.post("/two-factor/setup", "action", "replace", "code", code).want(422, "That code did not work")
	})
}

func TestHelpTellsOfRecovery(t *testing.T) {
	newWorld(t, nil).browser("").get("/two-factor/help").want(200, "they can give you a code that works once")
}
