package attack

import (
	"net/http"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_TrustedHints: an informational response before a trusted one changes neither the
// final status nor which headers are removed.
func TestAttack_TrustedHints(t *testing.T) {
	h := harness.Start(t, &harness.Legacy{Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/hooks/x" {
			return false
		}
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Add("Set-Cookie", "sg=planted; Path=/")
		w.Header().Add("Set-Cookie", "mine=1")
		w.WriteHeader(http.StatusAccepted)
		return true
	}}, harness.LegacyLines+"\ntrust /hooks/*")
	p := h.Browser().Get("/hooks/x")
	if set := p.Header["Set-Cookie"]; p.Status != http.StatusAccepted || len(set) != 1 || set[0] != "mine=1" {
		t.Errorf("%d %q", p.Status, set)
	}
}
