package gatewayrules

import (
	"net/http"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestGate_OfferOfHTTP2IsNoUpgrade: some clients offer HTTP/2 in the clear with any
// request. A stranger's is answered like any other, and the portal gets no offer.
func TestGate_OfferOfHTTP2IsNoUpgrade(t *testing.T) {
	portal := &harness.Legacy{}
	h := harness.Start(t, portal, harness.LegacyLines)
	b := h.Browser()
	r := b.Request(http.MethodGet, "/offer", nil)
	r.Header.Set("Connection", "Upgrade, HTTP2-Settings")
	r.Header.Set("Upgrade", "h2c")
	r.Header.Set("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA")
	r.Header.Del("Sec-Fetch-Mode")
	if p := b.Do(r); p.Status != http.StatusOK {
		t.Errorf("answered %d %s", p.Status, p.Body)
	}
	if got := portal.Last("/offer"); got == nil || got.Header.Get("Upgrade") != "" || got.Header.Get("Http2-Settings") != "" {
		t.Errorf("the portal saw %v", got)
	}
}
