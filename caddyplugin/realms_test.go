package caddyplugin

import (
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/config"
)

// TestAttack_I4_EqualSites: handlers share the default realm only if all of them name it,
// however equal they are. The golden files error_realm_* show the same for Caddyfiles.
func TestAttack_I4_EqualSites(t *testing.T) {
	unnamed, named, other := config.Site{Portal: "wordpress"}, config.Site{Portal: "wordpress", Realm: "default"}, config.Site{Realm: "shop"}
	for _, c := range []struct {
		sites []config.Site
		ok    bool
	}{
		{[]config.Site{unnamed}, true},
		{[]config.Site{unnamed, other, other}, true},
		{[]config.Site{named, named}, true},
		{[]config.Site{unnamed, unnamed}, false},
		{[]config.Site{unnamed, named}, false},
		{[]config.Site{named, other, unnamed}, false},
	} {
		var app App
		var err error
		for _, site := range c.sites {
			if e := app.claim(site); e != nil {
				err = e
			}
		}
		if (err == nil) != c.ok {
			t.Errorf("%v: %v", c.sites, err)
		}
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
