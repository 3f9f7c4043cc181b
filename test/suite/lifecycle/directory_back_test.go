package lifecycle

import (
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_BackToTheFirstDirectory: the server was tried once with another directory, before
// users enrolled. Later the line `storage` is lost, as with an old copy of the Caddyfile.
func TestAttack_BackToTheFirstDirectory(t *testing.T) {
	first := strings.ReplaceAll(usual, "DIR", "HERE/first")
	h := harness.StartWhole(t, &harness.Legacy{}, first)
	reload(t, h, usual)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	refusedStart(t, h.TryWhole(first), "which has 0 activated users in realm")
	asked(t, h.Browser().SignIn("alice"))
	stop(t)
	refusedStart(t, h.TryWhole(first), "which has 0 activated users in realm")
	if err := h.TryWhole(usual); err != nil {
		t.Fatal(err)
	}
	asked(t, h.Browser().SignIn("alice"))
}
