package attack

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_ActivityBeforeSetUp: under `require always`, an attacker with the password of a user
// without a second factor opens the settings page. The page does not list the owner's sign-ins.
func TestAttack_ActivityBeforeSetUp(t *testing.T) {
	h := harness.Start(t, &harness.Legacy{}, harness.LegacyLines+"\nrequire always")
	owner := h.Browser()
	owner.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	owner.SignIn("alice")
	time.Sleep(1500 * time.Millisecond) // events are written soon
	thief := h.Browser()
	thief.SignIn("alice")
	p := thief.Get("/two-factor/")
	text := strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(p.Body, " ")), " ")
	t.Logf("%d %.700s", p.Status, text)
	if strings.Contains(text, "Firefox") {
		t.Errorf("%d: the settings tell of the owner's sign-in: %.600s", p.Status, text)
	}
}
