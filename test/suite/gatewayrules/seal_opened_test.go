package gatewayrules

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestSeal_OpenedHeaderEndsWithItsCookie: the gateway caches the cookies that the visit's last
// request opened, by its header. A cookie that has ended since is not forwarded, also if a client
// continues to send it.
func TestSeal_OpenedHeaderEndsWithItsCookie(t *testing.T) {
	p := newProbe()
	h := harness.Start(t, p, harness.LegacyLines)
	b := h.Browser()
	b.Get(setting("/", "short=1; Path=/; Max-Age=60", "long=1; Path=/; Max-Age=6000"))
	var pairs []string
	for name, value := range b.Cookies("/") {
		pairs = append(pairs, name+"="+value)
	}
	header := strings.Join(pairs, "; ")
	portalGets := func(path, want, not string) {
		t.Helper()
		client := h.Browser()
		r := client.Request(http.MethodGet, path, nil)
		r.Header.Set("Cookie", header)
		client.Do(r)
		if got := p.cookieAt(t, path); !strings.Contains(got, want) || not != "" && strings.Contains(got, not) {
			t.Errorf("at %s the portal got %q", path, got)
		}
	}
	portalGets("/1", "short=1", "")
	portalGets("/2", "short=1", "")
	t.Cleanup(clock.Move(61 * time.Second))
	portalGets("/3", "long=1", "short=1")
}
