package caddyplugin

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// TestAttack_I2_Caddyfile: a payment webhook's query, followed by another value that the
// portal takes, opens nothing, and is no way around deny.
func TestAttack_I2_Caddyfile(t *testing.T) {
	site := adaptedSites(t, adapt(t, `:8080 {
	@hook {
		path /index.php
		query route=pay/callback
	}
	@others {
		path /index.php
		not query route=pay/callback
	}
	two_factor {
		portal wordpress
		trust @hook
		guest @hook
		public @hook
		deny @others
	}
}
`))[0]
	for target, honest := range map[string]bool{
		"/index.php?route=pay/callback":               true,
		"/index.php?route=pay/callback&route=login":   false,
		"/index.php?route[]=login&route=pay/callback": false,
	} {
		for list, sets := range map[string][]config.MatcherSet{"trust": site.Trust, "guest": site.Guest, "public": site.Public} {
			if rule, of := ruleFor(t, sets, target); rule.All(of.Request, of.readings) != honest {
				t.Errorf("%s %s: %v", list, target, !honest)
			}
		}
		if rule, of := ruleFor(t, site.Deny, target); rule.Any(of.Request, of.readings) == honest {
			t.Errorf("deny %s: %v", target, honest)
		}
	}
}

// request is one in Caddy's server, with the readings of its path.
type request struct {
	*http.Request
	readings []string
}

func ruleFor(t *testing.T, sets []config.MatcherSet, target string) (gateway.Rule, request) {
	t.Helper()
	rule, err := rule(sets)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", target, nil)
	r = r.WithContext(context.WithValue(context.WithValue(r.Context(), caddy.ReplacerCtxKey, caddy.NewReplacer()), caddyhttp.VarsCtxKey, map[string]any{}))
	readings, _ := route.Variants(nil, r.URL.Path)
	return rule, request{r, readings}
}
