package operations

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestEvents: a customer's life, from the first sign-in to turning everything off, is in
// the audit log, each step once and in order, with who, from where, and by which browser.
func TestEvents(t *testing.T) {
	for _, portal := range []*harness.Legacy{{}, {Rotate: true}, {Lazy: true}} {
		w := startAudited(t, portal)
		b := w.Browser()
		b.Get("/")
		b.SignIn("alice")
		b.Get("/account")
		b.Get("/")
		alice := b.Enrol()
		b.Get("/account")
		b.Get("/logout")
		b.SignIn("alice")
		b.Pass("000000")
		b.Pass(alice.Code(t))
		b.Get("/account")
		other := w.Browser()
		other.Header.Set("User-Agent", "Other/2.0")
		other.SignIn("alice")
		other.Pass(alice.Backup[0])
		b.Post("/two-factor/backup-codes", url.Values{"action": {"generate"}, "code": {alice.Code(t)}})
		b.Post("/two-factor/disable", url.Values{"code": {alice.Code(t)}})
		b.Get("/account")
		want := []string{
			store.EventSignIn, store.EventEnrolled, store.EventSignedOut, store.EventSignIn, store.EventFailed, store.EventPassed,
			store.EventSignIn, store.EventPassed, store.EventBackupUsed, store.EventPassed, store.EventBackupGenerated,
			store.EventPassed, store.EventDisabled,
		}
		if got := w.kinds("alice"); !slices.Equal(sorted(got), sorted(want)) {
			t.Errorf("%+v:\ngot  %v\nwant %v", portal, got, want)
		}
		for _, e := range w.events() {
			ours := e.Agent == "Test/1.0" || e.Agent == "Other/2.0"
			if e.Realm != "default" || e.User != "alice" || e.Address != "127.0.0.1" || !ours || e.At.IsZero() {
				t.Errorf("not whose or where from: %+v", e)
			}
		}
	}
}

// sorted ignores the order where it may differ: sign-ins are written in parallel to the requests
// that show them.
func sorted(kinds []string) []string { return slices.Sorted(slices.Values(kinds)) }

// TestEvents_Strangers: clients that have not signed in write nothing to the audit log.
func TestEvents_Strangers(t *testing.T) {
	w := startAudited(t, &harness.Legacy{})
	for range 20 {
		b := w.Browser()
		b.Get("/")
		b.SetCookie("PHPSESSID", "guess")
		b.Get("/account")
		b.Post("/login", url.Values{"user": {"alice"}, "password": {"wrong"}})
		b.Post("/two-factor/challenge", url.Values{"code": {"123456"}, "user": {"alice"}})
	}
	if events := w.events(); len(events) != 0 {
		t.Errorf("%+v", events)
	}
}

// TestEvents_SignInOnce: a sign-in is recorded once in each visit, also for users without a factor
// and after a reload.
func TestEvents_SignInOnce(t *testing.T) {
	w := startAudited(t, &harness.Legacy{Rotate: true})
	b, second := w.Browser(), w.Browser()
	b.SignIn("bob")
	for range 5 {
		b.Get("/account")
	}
	w.reload()
	b.Get("/account")
	second.SignIn("bob")
	second.Get("/logout")
	second.SignIn("bob")
	second.SignIn("carol")
	second.Get("/account")
	var who []string
	for _, e := range w.events() {
		if e.Kind == store.EventSignIn {
			who = append(who, e.User)
		}
	}
	if !slices.Equal(sorted(who), []string{"bob", "bob", "bob", "carol"}) {
		t.Errorf("%v", who)
	}
}

// TestEvents_Unknown: however often strangers make the portal give no answer, it is one
// event for each reason.
func TestEvents_Unknown(t *testing.T) {
	w := startAudited(t, &harness.Legacy{Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/me" {
			http.Error(w, "secret", http.StatusInternalServerError)
		}
		return r.URL.Path == "/me"
	}})
	for range 30 {
		b := w.Browser()
		b.SetCookie("lang", "en")
		b.Get("/login")
		b.Get("/account")
	}
	events := w.events()
	reasons := map[string]int{}
	for _, e := range events {
		reasons[e.Reason]++
		if e.Kind != store.EventUnknownAnswer || e.Reason == "" || e.User != "" || e.Realm != "default" || strings.Contains(e.Reason, "secret") {
			t.Errorf("%+v", e)
		}
	}
	if len(events) == 0 || len(reasons) != len(events) {
		t.Errorf("%d events about %d reasons", len(events), len(reasons))
	}
}
