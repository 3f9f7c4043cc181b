package lifecycle

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// lateSwitch is a portal that answers a sign-in at /late at once and saves it after a while,
// in the session that the browser has.
func lateSwitch(after time.Duration) *harness.Legacy {
	late := &harness.Legacy{}
	late.Before = func(l *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/late" {
			return false
		}
		save := httptest.NewRequest("GET", "/switch?user="+url.QueryEscape(r.FormValue("user")), nil)
		save.Header["Cookie"] = r.Header["Cookie"]
		time.AfterFunc(after, func() { l.ServeHTTP(httptest.NewRecorder(), save) })
		w.WriteHeader(http.StatusNoContent)
		return true
	}
	return late
}

// TestAttack_RestartOverLateSignIn: the portal saves a sign-in within settle after its response,
// and the gateway restarts in between. The new process does not know of the sign-in and must treat
// the visit as unsettled.
func TestAttack_RestartOverLateSignIn(t *testing.T) {
	caddyfile := whole(badger, site("PORT", strings.Replace(named, "sign_in /login", "sign_in /late /login", 1)))
	h := harness.StartWhole(t, lateSwitch(1500*time.Millisecond), caddyfile)
	owner := h.Browser()
	owner.SignIn("alice")
	owner.Enrol()
	thief := h.Browser()
	thief.SignIn("bob")
	time.Sleep(2100 * time.Millisecond)
	if !passes(t, thief, "bob") {
		t.Fatal("bob's own account is refused")
	}
	thief.Post("/late", url.Values{"user": {"alice"}})
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	reload(t, h, caddyfile)
	passes(t, thief, "bob")
	time.Sleep(2500 * time.Millisecond)
	if passes(t, thief, "alice") {
		t.Error("alice's account went out")
	}
}
