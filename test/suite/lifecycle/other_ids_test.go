package lifecycle

import (
	"regexp"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_OtherIDs: whoami's extractor is changed, and yields other ids for the same users.
func TestAttack_OtherIDs(t *testing.T) {
	for name, change := range map[string][2]string{
		"another field":  {"user json user", "user json name"},
		"upper to lower": {"user json name", "user json name\nlower"},
		"another page":   {"whoami /me", "whoami /me?v=2"},
	} {
		t.Run(name, func(t *testing.T) {
			lines := "realm one\n" + strings.Replace(whoami, "user json user", strings.Split(change[0]+"\x00", "\x00")[0], 1)
			if change[0] == "whoami /me" {
				lines = "realm one\n" + whoami
			}
			h := harness.StartWhole(t, &harness.Legacy{}, whole(badger, site("PORT", lines)))
			b := h.Browser()
			b.SignIn("alice")
			b.Enrol()
			asked(t, h.Browser().SignIn("alice"))
			slip(t, h, "", whole(badger, site("PORT", strings.Replace(lines, change[0], change[1], 1))))
		})
	}
}

// TestAttack_TwoIDsInOneRealm: two sites of one realm use different ids for the same users.
func TestAttack_TwoIDsInOneRealm(t *testing.T) {
	other := harness.FreePort(t)
	one := whole(badger, site("PORT", "realm one\n"+whoami))
	h := harness.StartWhole(t, &harness.Legacy{}, one)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	slip(t, h, other, whole(badger, site("PORT", "realm one\n"+whoami), site(other, "realm one\n"+strings.Replace(whoami, "json user", "json name", 1))))
}

// word returns the value that a refusal proposes for same_ids.
var word = regexp.MustCompile(`same_ids ([0-9a-f]{8})`)

// accepting is a Caddyfile that gets the line which its refusal names.
func accepting(t *testing.T, h *harness.Harness, text string) string {
	t.Helper()
	err := h.TryWhole(text)
	if err == nil {
		t.Fatal("it loads")
	}
	found := word.FindStringSubmatch(err.Error())
	if found == nil {
		t.Fatalf("no same_ids: %v", err)
	}
	return strings.Replace(text, badger, badger+"\nsame_ids "+found[1], 1)
}

// TestTwoSitesWithOtherIDs: two sites of one realm take the user ids from different sources. This
// requires the operator's consent, also before users enrol.
func TestTwoSitesWithOtherIDs(t *testing.T) {
	other := harness.FreePort(t)
	h := harness.StartWhole(t, &harness.Legacy{}, idle)
	both := whole(badger, site("PORT", named), site(other, strings.Replace(named, "json user", "json name", 1)))
	reload(t, h, accepting(t, h, both))
}

// TestSameIDs: an intended change goes through with one line, and then without it. What does
// not touch the ids is no change.
func TestSameIDs(t *testing.T) {
	h := harness.StartWhole(t, &harness.Legacy{}, usual)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	changed := strings.Replace(usual, "user json user", "user json user\nlower", 1)
	reload(t, h, accepting(t, h, changed))
	reload(t, h, changed)
	asked(t, h.Browser().SignIn("alice"))
	for what, lines := range map[string]string{
		"a name":           "name json name\nuser json user\nlower",
		"no id for guests": "user json user not guest nobody\nlower",
		"another sign":     "user json user\nlower\nanonymous redirect */login*",
	} {
		if err := h.TryWhole(strings.Replace(usual, "user json user", lines, 1)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	further := strings.Replace(changed, "sign_in /login", "whoami /account {\nanonymous status 401\nuser header X-User\n}\nsign_in /login", 1)
	if err := h.TryWhole(further); err != nil {
		t.Errorf("a further question: %v", err)
	}
	if err := h.TryWhole(usual); err == nil {
		t.Error("back to what it was before the change is accepted")
	}
}
