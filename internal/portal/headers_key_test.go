package portal_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/portal"
)

// TestTake_ShortKeys: keys are kept, so they are short whatever a stranger sends, and
// still tell different headers apart.
func TestTake_ShortKeys(t *testing.T) {
	long := strings.Repeat("x", 1<<19)
	h := portal.NewHeaders(nil)
	seen := make(map[portal.Key]string)
	for _, name := range []string{"User-Agent", "Accept-Language", "Origin", "Referer", "X-Real-Ip", "X-Unknown"} {
		for _, value := range []string{long, long + "y"} {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set(name, "http://"+value)
			key, _ := h.Take(r, "192.0.2.1")
			if other, ok := seen[key]; ok {
				t.Errorf("%s has the key of %s", name, other)
			}
			seen[key] = name
			for _, part := range []string{key.Agent, key.Language, key.Origin, key.Referer, key.RealIP, key.Extra} {
				if len(part) > 256 {
					t.Errorf("%s: %d bytes are kept", name, len(part))
				}
			}
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Referer", "http://example.com/"+long)
	if key, _ := h.Take(r, ""); key.Referer != "" {
		t.Error("a long address of the portal's own counts as foreign")
	}
}

// TestTake_Sites: sites that share a visit don't share answers.
func TestTake_Sites(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	a, _ := portal.NewHeaders(nil).Take(r, "")
	b, _ := portal.NewHeaders(nil).Take(r, "")
	if a == b {
		t.Error("two sites have the same key")
	}
}
