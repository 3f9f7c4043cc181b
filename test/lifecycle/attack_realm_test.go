package lifecycle

import (
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/house"
)

// TestAttack_L6_RenamedRealm: an operator with one site adds a second one, and does what
// the error says: a realm of its own for each. That must not turn the second factors of all
// customers off without a word.
func TestAttack_L6_RenamedRealm(t *testing.T) {
	other := house.FreePort(t)
	h := house.StartWhole(t, &house.Legacy{}, whole(badger, site("PORT", whoami)))
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	thief := h.Browser()
	asked(t, thief.SignIn("alice"))

	refused(t, h, whole(badger, site("PORT", whoami), site(other, "recheck 10s\n"+whoami)), "give each portal a realm of its own")
	before := len(h.LogText())
	if err := h.TryWhole(whole(badger, site("PORT", "realm shop\n"+whoami), site(other, "realm blog\n"+whoami))); err != nil {
		t.Skipf("refused, as it should be: %v", err)
	}
	thief = h.Browser()
	if p := thief.SignIn("alice"); p.Location == "/account" && passes(t, thief, "alice") {
		t.Error("alice, who has a second factor, is let in by password")
	}
	for line := range strings.SplitSeq(h.LogText()[before:], "\n") {
		if strings.Contains(line, "realm") && (strings.Contains(line, `"warn"`) || strings.Contains(line, `"error"`)) {
			t.Logf("warned: %s", line)
		}
	}
}
