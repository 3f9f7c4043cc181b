package gatewayrules

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestGate_DoubleSubmit: a double click sends the code twice. The first is accepted. The second
// waits for it and is redirected without an error about a wrong code.
func TestGate_DoubleSubmit(t *testing.T) {
	h := harness.Start(t, &harness.Legacy{}, harness.LegacyLines)
	owner := h.Browser()
	owner.SignIn("alice")
	device := owner.Enrol()
	b := h.Browser()
	b.SignIn("alice")
	code := url.Values{"code": {device.Code(t)}}
	var pages [6]*harness.Page
	var group sync.WaitGroup
	for i := range pages {
		twin := b.Clone()
		group.Go(func() { pages[i] = twin.Post("/two-factor/challenge", code) })
	}
	group.Wait()
	cleared := 0
	for _, p := range pages {
		if p.Status != http.StatusSeeOther {
			t.Errorf("a twin of the code got %d, want 303\n%.300s", p.Status, p.Body)
		}
		if strings.Contains(strings.Join(p.Header["Set-Cookie"], "\n"), "\nsg=") {
			cleared++
		}
	}
	if cleared != 1 {
		t.Errorf("%d of 6 equal codes gave a clearance, want exactly one", cleared)
	}
}
