package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal"
)

// TestOpen_BySite: two sites share a visit. What one opened of a Cookie header is not
// what the other does, which leaves other cookies to the browser.
func TestOpen_BySite(t *testing.T) {
	strict, request := cleared(t)
	o := strict.Options
	o.CookiePolicy = portal.NewCookiePolicy([]string{"token"})
	lax := gateway.New(o)
	for _, site := range []struct {
		g    *gateway.Gateway
		left bool
	}{{lax, true}, {strict, false}, {lax, true}} {
		r := request()
		r.Header.Set("Cookie", r.Header.Get("Cookie")+"; token=1")
		reached := false
		err := site.g.ServeHTTP(httptest.NewRecorder(), r, gateway.Client{Address: "192.0.2.1", URL: r.URL}, handler(func(w http.ResponseWriter, r *http.Request) error {
			reached = true
			if left := strings.Contains(r.Header.Get("Cookie"), "token=1"); left != site.left {
				t.Errorf("the portal got %q", r.Header.Get("Cookie"))
			}
			return next{}.ServeHTTP(w, r)
		}))
		if err != nil || !reached {
			t.Errorf("reached the portal %v, %v", reached, err)
		}
	}
}
