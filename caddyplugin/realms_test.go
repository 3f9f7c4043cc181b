package caddyplugin

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_I4_EqualSites: handlers share the default realm only if all of them name it,
// however equal they are. The golden files error_realm_* show the same for Caddyfiles.
func TestAttack_I4_EqualSites(t *testing.T) {
	unnamed, named, other := config.Site{Portal: "wordpress"}, config.Site{Portal: "wordpress", Realm: "default"}, config.Site{Realm: "shop"}
	for _, c := range []struct {
		sites []config.Site
		want  string
	}{
		{[]config.Site{unnamed}, ""},
		{[]config.Site{unnamed, other, other}, ""},
		{[]config.Site{named, named}, ""},
		{[]config.Site{unnamed, unnamed}, "site 0 and site 1"},
		{[]config.Site{unnamed, named}, `site 0 uses two_factor without naming a realm, which is "default", and site 1 names that`},
		{[]config.Site{named, other, unnamed}, `site 2 uses two_factor without naming a realm, which is "default", and site 0 names that`},
	} {
		var all claims
		got := ""
		for i, site := range c.sites {
			if err := all.add(site, claimant{address: fmt.Sprint("site ", i)}); err != nil {
				got = err.Error()
			}
		}
		if !strings.Contains(got, c.want) || (got == "") != (c.want == "") || c.want != "" && !strings.Contains(got, "realm default") {
			t.Errorf("%v: %s", c.sites, got)
		}
	}
	if err := new(claims).add(unnamed, claimant{address: "a route", shared: true}); err == nil {
		t.Error("a named route that names no realm is taken for one site")
	}
}

// TestLeavesOut: a matcher before the block earns a warning, unless it is for every path.
func TestLeavesOut(t *testing.T) {
	for _, c := range []struct {
		matchers caddy.ModuleMap
		want     bool
	}{
		{nil, false},
		{caddy.ModuleMap{"path": []byte(`["/*"]`)}, false},
		{caddy.ModuleMap{"path": []byte(`["/a", "*"]`)}, false},
		{caddy.ModuleMap{"path": []byte(`["/members/*"]`)}, true},
		{caddy.ModuleMap{"host": []byte(`["a.example.com"]`)}, true},
		{caddy.ModuleMap{"path": []byte(`["/*"]`), "method": []byte(`["GET"]`)}, true},
	} {
		if got := leavesOut(c.matchers); got != c.want {
			t.Errorf("%s: %v", c.matchers, got)
		}
	}
}

// TestAttack_L6_NothingServedBefore: Caddy may start the HTTP server before the app
// refuses a configuration. No request of that moment is served, by the gate or the desk.
func TestAttack_L6_NothingServedBefore(t *testing.T) {
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		t.Error("the request reached the portal")
		return nil
	})
	renamed := errors.New("renamed")
	for name, h := range map[string]caddyhttp.MiddlewareHandler{
		"gate": &Handler{path: "/two-factor", gate: func() (*gateway.Gateway, error) { return nil, renamed }},
		"desk": &StaffHandler{Staff: "{http.auth.user.id}", ready: func() error { return renamed }},
	} {
		r, _, _ := prepared(t, http.MethodGet, "/")
		var refused caddyhttp.HandlerError
		err := h.ServeHTTP(httptest.NewRecorder(), r, next)
		if !errors.As(err, &refused) || refused.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %v; want 503", name, err)
		}
	}
}
