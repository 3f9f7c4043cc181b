package gatewayrules

import (
	"net/http"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAsk_UnknownOnOwnPages: while the answer is unknown, an own page shows neither a user nor a
// signed-out state. Own pages that do not depend on the user still work.
func TestAsk_UnknownOnOwnPages(t *testing.T) {
	p := whoamiSays(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	h := harness.Start(t, p, harness.LegacyLines+"\nleave s")
	b := h.Browser()
	b.SetCookie("s", "1")
	for path, want := range map[string]int{
		"/two-factor/": http.StatusServiceUnavailable, "/two-factor/setup": http.StatusServiceUnavailable,
		"/two-factor/challenge": http.StatusServiceUnavailable, "/two-factor/help": http.StatusOK,
	} {
		if page := b.Get(path); page.Status != want {
			t.Errorf("%s: %d, want %d", path, page.Status, want)
		}
	}
}
