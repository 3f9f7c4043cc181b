package userpages

import (
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
)

func TestSessions(t *testing.T) {
	w := newWorld(t, nil)
	alice, phone, bob := w.browser("alice"), w.browser("alice"), w.browser("bob")
	e := alice.enrol()
	bob.enrol()
	phone.post("/two-factor/challenge", "code", e.code()).wantTo("/")
	id := func(b *browser) string { return hexID(b.visit) }
	alice.get("/two-factor/").want(200, id(phone), id(alice)).wantNot(id(bob))
	alice.post("/two-factor/", "action", "end", "visit", id(bob)).wantTo("/two-factor/")
	bob.get("/two-factor/").want(200, "Enabled")
	alice.get("/two-factor/").want(200, "had ended already")
	alice.post("/two-factor/", "action", "end", "visit", id(phone)).wantTo("/two-factor/")
	if len(alice.ended) != 1 || alice.ended[0] != phone.visit {
		t.Errorf("the gateway was told of %v", alice.ended)
	}
	phone.get("/two-factor/").wantTo("/two-factor/challenge")
	if v, err := w.db.Visit(t.Context(), "default", phone.visit); err != nil || !v.SessionEnded {
		t.Errorf("the phone's token is not revoked: %+v, %v", v, err)
	}
	alice.post("/two-factor/", "action", "end", "visit", id(alice)).wantTo("/")
	if !alice.gone {
		t.Error("signing out this browser left its visit")
	}
	for _, bad := range []string{"", "zz", "00", id(alice) + "00"} {
		bob.post("/two-factor/", "action", "end", "visit", bad).want(400)
	}
}

// TestJ8_SignOutEverywhereElse: all other sessions end, without a code. This one moves to a fresh
// token and keeps its clearance unchanged. A session that has moved or ended meanwhile changes
// nothing. A user without a second factor is not offered the button.
func TestJ8_SignOutEverywhereElse(t *testing.T) {
	w := newWorld(t, nil)
	alice, phone, bob := w.browser("alice"), w.browser("alice"), w.browser("bob")
	e := alice.enrol()
	bob.enrol()
	phone.post("/two-factor/challenge", "code", e.code()).wantTo("/")
	alice.get("/two-factor/").want(200, "Sign out everywhere else", "needs your password and a code again. This browser stays signed in.")
	old, before := alice.visit, alice.visitor().Clearance
	w.now = w.now.Add(time.Hour)
	alice.post("/two-factor/", "action", "end-others").wantTo("/two-factor/")
	after := alice.visitor().Clearance
	if alice.visit == old || after == nil || !after.At.Equal(before.At) || !after.Expires.Equal(before.Expires) {
		t.Errorf("the clearance was %+v and is %+v", before, after)
	}
	if len(alice.ended) != 1 || alice.ended[0] != phone.visit || alice.changed != 2 {
		t.Errorf("the gateway was told of %v and of %d changes", alice.ended, alice.changed)
	}
	if u, err := w.db.User(t.Context(), store.UserKey{Realm: "default", ID: "alice"}); err != nil || !u.SessionsEnded.After(w.now) {
		t.Errorf("sessions ended at %v, %v", u.SessionsEnded, err)
	}
	for what, id := range map[string]store.VisitID{"the phone's": phone.visit, "the old": old} {
		if v, err := w.db.Visit(t.Context(), "default", id); err != nil || !v.Revoked() || v.SessionEnded != (id == phone.visit) {
			t.Errorf("%s token: %+v, %v", what, v, err)
		}
	}
	alice.get("/two-factor/").want(200, "All other browsers were signed out. They need your password and a code again.")
	bob.get("/two-factor/").want(200, "Enabled")
	phone.post("/two-factor/", "action", "end-others").wantTo("/two-factor/challenge")
	w.browser("carol").post("/two-factor/", "action", "end-others").want(400)
}

func TestCancelAndSignOut(t *testing.T) {
	w := newWorld(t, nil)
	w.browser("alice").enrol()
	for _, user := range []string{"alice", ""} {
		b := w.browser(user)
		b.get("/two-factor/") // for alice it is remembered where she was going
		b.post("/two-factor/challenge", "action", "sign-out").wantTo("/")
		if b.cookies[cookiestate.CookieName(returnField.Name, true)] != "" {
			t.Errorf("user %q: our own state stays in the browser", user)
		}
		if !b.gone {
			t.Errorf("user %q: the visit was not ended", user)
		}
	}
}

func TestRequired(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Required = true })
	alice := w.browser("alice")
	alice.get("/two-factor/challenge").wantTo("/two-factor/setup")
	alice.get("/two-factor/setup").want(200, "Oma Avaruus needs it for every account", "Cancel and sign out")
	e := alice.enrol()
	alice.get("/two-factor/").want(200, "can't be turned off").wantNot("/disable")
	alice.get("/two-factor/disable").want(403, "can't be turned off")
	alice.post("/two-factor/disable", "code", e.code()).want(403, "can't be turned off")
	w.browser("alice").get("/two-factor/challenge").want(200, "Enter your code")
}
