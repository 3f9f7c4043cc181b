package attack

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// TestAttack_RequestTrailers: a trailer behind a request body is a header that the gate has not
// judged, so it must not reach the portal.
func TestAttack_RequestTrailers(t *testing.T) {
	var mu sync.Mutex
	got := http.Header{}
	h := harness.Start(t, &harness.Legacy{Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		for name, values := range r.Trailer {
			got[name] = values
		}
		return false
	}}, harness.LegacyLines)
	b := h.Browser()
	for _, start := range []func(){func() {}, func() { b.Get("/") }, func() { b.SignIn("carol") }} {
		start()
		wire(t, h, "POST /api HTTP/1.1\nHost: "+strings.TrimPrefix(h.URL, "http://")+"\nConnection: close\n"+cookieLine(b)+
			"Transfer-Encoding: chunked\nTrailer: Cookie, Authorization, X-Remote-User\n\n1\nx\n0\nCookie: PHPSESSID=1\nAuthorization: Basic eDp5\nX-Remote-User: alice\n\n")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) > 0 {
		t.Errorf("trailers reached the portal: %v", got)
	}
}
