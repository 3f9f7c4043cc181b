//go:build browser

package staffpages

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/templates/templatestest"
	chromium "github.com/secondgate/secondgate/test/kit/browser"
)

// site serves the pages to a real browser.
func (w *world) site() string {
	w.visitor.Secure = false
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.pages.ServeHTTP(rw, r, w.visitor) }))
	w.t.Cleanup(server.Close)
	return server.URL
}

// tour is a member of staff at work in a real Chromium. Its pictures are to be looked at,
// see browser.Screenshot.
type tour struct {
	*chromium.Browser
	t *testing.T
}

func (o *tour) check() {
	o.t.Helper()
	o.CheckFits()
	o.CheckAxe()
}

func (o *tour) look(name string) {
	o.t.Helper()
	o.check()
	o.Screenshot("staff-" + name)
}

// life gives a customer sessions and a history.
func (w *world) life(id string) {
	at := func(ago time.Duration) time.Time { return w.now.Add(-ago) }
	const phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
	const laptop = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	event := func(ago time.Duration, kind, factor, agent string) store.Event {
		return store.Event{At: at(ago), Kind: kind, Realm: "shop", User: id, Factor: factor, Address: "2001:db8:85a3:8d3:1319:8a2e:370:7348", Agent: agent}
	}
	err := w.db.Update(context.Background(), key("shop", id), func(tx store.Tx) error {
		for i, v := range []store.Visit{{Factor: "totp", Agent: laptop}, {Factor: "backup", Agent: phone}} {
			v.Realm, v.ID, v.User, v.Address = "shop", store.VisitID{byte(i + 1)}, id, "2001:db8:85a3:8d3:1319:8a2e:370:7348"
			v.At, v.LastSeen, v.Expires = at(time.Hour), at(time.Minute), w.now.Add(11*time.Hour)
			if err := tx.PutVisit(v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	unlocked := event(20*time.Hour, store.EventStaffUnlocked, "", "")
	unlocked.Staff, unlocked.Reason, unlocked.Address = "bert", "Ticket 4711: wrong phone; called back on the number in the contract", "192.0.2.80"
	err = w.db.Record(context.Background(), event(60*24*time.Hour, store.EventEnrolled, "totp", laptop),
		event(22*time.Hour, store.EventFailed, "totp", phone), event(21*time.Hour, store.EventThrottled, "totp", phone), unlocked,
		event(2*time.Hour, store.EventSignIn, "", phone), event(time.Hour, store.EventPassed, "totp", laptop), event(time.Hour, store.EventBackupUsed, "backup", phone))
	if err != nil {
		w.t.Fatal(err)
	}
	w.settle()
}

func TestStaffInABrowser(t *testing.T) {
	w := newWorld(t, "forum", "shop")
	o := &tour{Browser: chromium.Start(t), t: t}
	site := w.site()
	o.Open(site + "/?realm=shop")
	o.check()
	w.customers()
	w.life("10017")
	o.Open(site + "/?realm=shop")
	o.look("users")
	o.Open(site + "/?realm=shop&lang=" + templatestest.RTL)
	o.look("users-rtl")
	o.Open(site + "/?realm=shop&lang=en")
	o.Type("#q", "ali")
	o.Follow(".filter button")
	if n := o.Count("tbody tr"); n != 1 {
		t.Fatalf("the search found %d rows", n)
	}
	o.check()
	o.Follow("tbody a")
	o.look("user")
	o.Follow(`a[href*="act=recovery"]`)
	o.check()
	o.Type("#reason", "Ticket 4712, called back")
	o.Follow("button.primary")
	code := o.Text("#recovery")
	o.look("code")
	if len(code) < 16 {
		t.Errorf("the code is %q", code)
	}
	o.Reload()
	if o.Has("#recovery") {
		t.Error("the code is shown twice")
	}
	o.check()
	o.Follow(".crumb a")
	o.Follow(`a[href*="act=reset"]`)
	o.check()
	chromium.Evaluate[bool](o.Browser, `document.querySelector("form").noValidate = true`)
	o.Follow("button.primary")
	if o.Status() != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %d", o.Status())
	}
	o.look("reset-no-reason")
	o.Type("#reason", "Ticket 4713, identity checked at the desk")
	o.Follow("button.primary")
	o.look("after-reset")
	w.visitor.Acts = false
	if !o.Has(".flash") {
		t.Error("the page does not say what was done")
	}
	o.Open(site + "/user?realm=shop&id=10022")
	o.look("user-off")
	w.visitor.Staff = ""
	o.Open(site + "/")
	o.check()
}
