package lifecycle

import (
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestTwoRealms: two sites with realms of their own share a store and no users.
func TestTwoRealms(t *testing.T) {
	other := harness.FreePort(t)
	h := harness.StartWhole(t, &harness.Legacy{}, whole(badger, site("PORT", named), site(other, "realm two\n"+whoami)))
	b := h.Browser()
	b.SignIn("alice")
	device := b.Enrol()

	stranger := at(h, other)
	if p := stranger.SignIn("alice"); p.Location != "/account" {
		t.Fatalf("alice of another realm owes nothing: %d %q", p.Status, p.Location)
	}
	second := stranger.Enrol()
	if second.Secret == device.Secret {
		t.Error("two users, one secret")
	}
	stranger.Get("/logout")
	asked(t, stranger.SignIn("alice"))
	if p := stranger.Pass(device.Code(t)); p.Status == http.StatusSeeOther {
		t.Error("a code of one realm counts in another")
	}
	accepted(t, stranger.Pass(second.Code(t)))

	// All cookies of one site, sent to the other, open nothing there.
	thief := b.Clone()
	thief.Base = "http://127.0.0.1:" + other
	if passes(t, thief, "alice") {
		t.Error("a visit of one realm counts in another")
	}
}

// TestOneRealmTwice: two sites that name the same realm share its users, and a code
// counts once for both.
func TestOneRealmTwice(t *testing.T) {
	other := harness.FreePort(t)
	h := harness.StartWhole(t, &harness.Legacy{}, whole(badger, site("PORT", named), site(other, "path /2fa\n"+named)))
	b := h.Browser()
	b.SignIn("alice")
	device := b.Enrol()
	here, there := h.Browser(), at(h, other)
	asked(t, here.SignIn("alice"))
	if p := there.SignIn("alice"); p.Location != "/2fa/challenge" {
		t.Fatalf("at the other site: %d %q", p.Status, p.Location)
	}
	code := device.Code(t)
	accepted(t, here.Pass(code))
	pass := func(code string) *harness.Page {
		return there.Post("/2fa/challenge", map[string][]string{"code": {code}})
	}
	if p := pass(code); p.Status == http.StatusSeeOther {
		t.Error("a code was accepted at both sites")
	}
	if passes(t, there, "alice") {
		t.Error("a clearance was given without a code")
	}
	if p := pass(device.Code(t)); p.Status != http.StatusSeeOther || !passes(t, there, "alice") {
		t.Errorf("a fresh code at the other site: %d", p.Status)
	}
}

// TestUnnamedRealms: two portals that would share users without knowing are refused,
// one block with several addresses is not.
func TestUnnamedRealms(t *testing.T) {
	other := harness.FreePort(t)
	h := harness.StartWhole(t, &harness.Legacy{}, whole(badger, site("PORT", named)))
	refused(t, h, whole(badger, site("PORT", whoami), site(other, "recheck 10s\n"+whoami)),
		"two sites use two_factor without naming a realm", "realm NAME")
	both := strings.Replace(site("PORT", whoami), "{", ", http://127.0.0.1:"+other+" {", 1)
	reload(t, h, whole(badger, both))
	if p := at(h, other).SignIn("alice"); p.Location != "/account" {
		t.Errorf("%d %q", p.Status, p.Location)
	}
	reload(t, h, whole(badger, site("PORT", whoami), site(other, named)))
}
