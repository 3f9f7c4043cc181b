package lifecycle

import (
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_L6_RenamedRealm: an operator with one site adds a second one, and follows the error:
// a realm of its own for each. That must not silently turn the second factors of all customers
// off.
func TestAttack_L6_RenamedRealm(t *testing.T) {
	other := harness.FreePort(t)
	h := harness.StartWhole(t, &harness.Legacy{}, whole(badger, site("PORT", whoami)))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	still := func() {
		t.Helper()
		asked(t, h.Browser().SignIn("alice"))
	}
	still()

	refused(t, h, whole(badger, site("PORT", whoami), site(other, "recheck 10s\n"+whoami)), "give each portal a realm of its own", "realm default")
	renamed := whole(badger, site("PORT", "realm shop\n"+whoami), site(other, "realm blog\n"+whoami))
	refused(t, h, renamed, `"default" (users with a second factor: 1)`, `"blog", "shop"`, "realm default", "retired_realms default")
	still()
	reload(t, h, whole(badger, site("PORT", "realm default\n"+whoami), site(other, "realm blog\n"+whoami)))
	still()
}

// TestAttack_L6_RemovedPortal: a portal is removed, and another one is added. A change that can't
// be a renamed realm leads to a warning; one that can needs a line in the configuration.
func TestAttack_L6_RemovedPortal(t *testing.T) {
	const warning = "no two_factor has this realm any more"
	other := harness.FreePort(t)
	h := harness.StartWhole(t, &harness.Legacy{}, whole(badger, site("PORT", "realm shop\n"+whoami), site(other, "realm blog\n"+whoami)))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	at(h, other).SignIn("bob")
	if strings.Contains(h.LogText(), warning) {
		t.Error("warned while a site has the realm")
	}
	reload(t, h, whole(badger, site(other, "realm blog\n"+whoami)))
	if !strings.Contains(h.LogText(), warning) {
		t.Error("no warning of second factors that no site asks for")
	}
	before := len(h.LogText())
	gone := badger + "\nretired_realms shop"
	refused(t, h, whole(badger, site("PORT", "realm wiki\n"+whoami), site(other, "realm blog\n"+whoami)), "retired_realms shop")
	reload(t, h, whole(gone, site("PORT", "realm wiki\n"+whoami), site(other, "realm blog\n"+whoami)))
	if strings.Contains(h.LogText()[before:], warning) {
		t.Error("warned of a retired realm")
	}
	refused(t, h, whole(gone, site("PORT", "realm shop\n"+whoami)), "remove it from retired_realms")
}

// TestAttack_I4_InterchangedRealms: the realms of two sites are interchanged by mistake. The
// customers of each would be let in by password.
func TestAttack_I4_InterchangedRealms(t *testing.T) {
	other := harness.FreePort(t)
	both := func(one, two string) string {
		return whole(badger, site("PORT", "realm "+one+"\n"+whoami), site(other, "realm "+two+"\n"+whoami))
	}
	h := harness.StartWhole(t, &harness.Legacy{}, both("shop", "blog"))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	carol := at(h, other)
	carol.SignIn("carol")
	carol.Enrol()
	refused(t, h, both("blog", "shop"), "were interchanged")
	asked(t, h.Browser().SignIn("alice"))
	if err := h.TryWhole(both("shop", "blog")); err != nil {
		t.Errorf("as it was: %v", err)
	}
	// The portal really moves: first alone, then the other one takes its place.
	alone := whole(badger, site(other, "realm shop\n"+whoami))
	refused(t, h, alone, "no site has blog any more", "retired_realms blog")
	if err := h.TryWhole(whole(badger+"\nretired_realms blog", site(other, "realm shop\n"+whoami))); err != nil {
		t.Errorf("alone: %v", err)
	}
	if err := h.TryWhole(both("blog", "shop")); err != nil {
		t.Errorf("moved: %v", err)
	}
	asked(t, at(h, other).SignIn("alice"))
	asked(t, h.Browser().SignIn("carol"))
}

// TestAttack_I4_InterchangedHandles: the same for the realms of two routes of one site.
func TestAttack_I4_InterchangedHandles(t *testing.T) {
	both := func(one, two string) string {
		gate := func(realm string) string {
			return "two_factor {\nrealm " + realm + "\n" + whoami + "\n}\nreverse_proxy PORTAL\n"
		}
		return whole(badger) + "http://127.0.0.1:PORT {\nbind 127.0.0.1\nhandle_path /blog/* {\n" + gate(two) + "}\nhandle {\n" + gate(one) + "}\n}\n"
	}
	h := harness.StartWhole(t, &harness.Legacy{}, both("shop", "blog"))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	h.Browser().Get("/blog/account")
	refused(t, h, both("blog", "shop"), "were interchanged", "realm shop", "without the two_factor of realm")
	asked(t, h.Browser().SignIn("alice"))
	reload(t, h, both("shop", "blog"))
	reload(t, h, strings.Replace(both("shop", "blog"), "/blog/*", "/weblog/*", 1))
	asked(t, h.Browser().SignIn("alice"))
}

// TestRetiredRealmIsUnknown: a misspelt realm under retired_realms is an error with the line, the
// realms that the store knows, and the remedy.
func TestRetiredRealmIsUnknown(t *testing.T) {
	h := harness.StartWhole(t, &harness.Legacy{}, usual)
	h.Browser().SignIn("alice") // the store knows the realm
	reload(t, h, whole(badger+"\nretired_realms shpo", site("PORT", named)))
	for _, part := range []string{"does not know: correct the name", "or take it out", `"realm":"shpo"`, `"source":"Caddyfile:`, `"known_realms":["one"]`} {
		if !strings.Contains(h.LogText(), part) {
			t.Errorf("the log does not say %s", part)
		}
	}
}
