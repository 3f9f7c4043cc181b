package edge

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestI10_WarnsOfAnUntrustedProxy: a proxy in front that Caddy does not trust is warned
// about once, with its address; one that Caddy trusts is not.
func TestI10_WarnsOfAnUntrustedProxy(t *testing.T) {
	const sharing = "share one address"
	for name, tt := range map[string]struct {
		trusted, header string
		warnings        int
	}{
		"no proxy":                 {"127.0.0.2/32", "X-Other", 0},
		"trusted":                  {"127.0.0.1/32", "X-Forwarded-For", 0},
		"untrusted":                {"127.0.0.2/32", "X-Forwarded-For", 1},
		"untrusted with Forwarded": {"127.0.0.2/32", "Forwarded", 1},
	} {
		t.Run(name, func(t *testing.T) {
			h := harness.StartWhole(t, &echo{}, fmt.Sprintf("{\n%s\nservers {\n trusted_proxies static %s\n}\ntwo_factor {\n storage memory DIR\n}\n}\n"+
				"http://127.0.0.1:PORT {\n bind 127.0.0.1\n%s\nreverse_proxy PORTAL\n}\n", harness.GlobalLines, tt.trusted, gate))
			b := h.Browser()
			b.Header.Set(tt.header, "203.0.113.7")
			for range 3 {
				b.Get("/start")
			}
			log := h.LogText()
			if got := strings.Count(log, sharing); got != tt.warnings {
				t.Errorf("%d warnings, want %d", got, tt.warnings)
			}
			if tt.warnings > 0 && !strings.Contains(log, `"peer":"127.0.0.1"`) {
				t.Error("the warning does not name the peer")
			}
		})
	}
}
