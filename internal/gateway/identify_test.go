package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestIdentify_Nobody: where another authenticator has to name the user, a request of
// one of no user is not a stranger's but one that got past it, and is refused.
func TestIdentify_Nobody(t *testing.T) {
	g, request := cleared(t)
	for id, want := range map[string]int{"": http.StatusServiceUnavailable, "alice": http.StatusOK} {
		g.Identify = func(*http.Request) string { return id }
		r := request()
		r.Header.Set("Sec-Fetch-Mode", "cors")
		w := httptest.NewRecorder()
		err := g.ServeHTTP(w, r, gateway.Client{Address: "192.0.2.1", URL: r.URL}, next{})
		if err != nil || w.Code != want {
			t.Errorf("%q: %d, %v; want %d", id, w.Code, err, want)
		}
	}
}
