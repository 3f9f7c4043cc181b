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

// TestAttack_L6_RenamedRealms: a realm of the store with second factors that no site has
// any more looks like a renamed one if a realm is new; else it is warned about.
func TestAttack_L6_RenamedRealms(t *testing.T) {
	shop, blog, empty := knownRealm{"shop", 3}, knownRealm{"blog", 0}, knownRealm{"empty", 0}
	for name, tt := range map[string]struct {
		known               []knownRealm
		configured, retired []string
		orphans             int
		err                 string
	}{
		"a new store":           {configured: []string{"default"}},
		"nothing changed":       {known: []knownRealm{shop}, configured: []string{"shop"}},
		"a site is added":       {known: []knownRealm{shop}, configured: []string{"shop", "new"}},
		"renamed":               {known: []knownRealm{shop}, configured: []string{"new"}, orphans: 1, err: `"shop" (users with a second factor: 3)`},
		"renamed beside others": {known: []knownRealm{blog, shop}, configured: []string{"blog", "new"}, orphans: 1, err: `knows nothing of the realm "new"`},
		"removed":               {known: []knownRealm{blog, shop}, configured: []string{"blog"}, orphans: 1},
		"all removed":           {known: []knownRealm{shop}, orphans: 1},
		"nobody had a factor":   {known: []knownRealm{empty}, configured: []string{"new"}},
		"retired":               {known: []knownRealm{shop}, configured: []string{"new"}, retired: []string{"shop"}},
		"one of two retired":    {known: []knownRealm{{"a", 1}, shop}, configured: []string{"new"}, retired: []string{"shop"}, orphans: 1, err: "retired_realms a"},
		"retired and used":      {known: []knownRealm{shop}, configured: []string{"shop"}, retired: []string{"shop"}, err: "remove it from retired_realms"},
	} {
		orphans, err := orphaned(tt.known, tt.configured, tt.retired)
		if len(orphans) != tt.orphans || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%s: %v, %v", name, orphans, err)
		}
	}
}

// TestAttack_L6_NothingServedBefore: Caddy may start the HTTP server before the app
// refuses a configuration. No request of that moment is served.
func TestAttack_L6_NothingServedBefore(t *testing.T) {
	h := &Handler{path: "/two-factor", known: func() error { return errors.New("renamed") }}
	next := caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error {
		t.Error("the request reached the portal")
		return nil
	})
	var refused caddyhttp.HandlerError
	err := h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), next)
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%v; want 503", err)
	}
}
