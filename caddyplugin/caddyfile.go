package caddyplugin

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/caddyplugin/caddyfile"
	"github.com/secondgate/secondgate/config"
)

func init() {
	httpcaddyfile.RegisterDirective("two_factor", parseDirective)
	// After the directives that rewrite and those that authenticate; before all that route
	// or respond.
	httpcaddyfile.RegisterDirectiveOrder("two_factor", httpcaddyfile.After, "forward_auth")
	httpcaddyfile.RegisterGlobalOption("two_factor", parseGlobal)
}

// defaultRealm is the realm of the only site if it names none. keepsDefault is a sentence for
// errors: a site that already has users must keep that realm.
const defaultRealm, keepsDefault = config.DefaultRealm, config.KeepsDefaultRealm

// parseDirective returns the route for a two_factor directive of a Caddyfile.
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if !h.Next() {
		return nil, h.ArgErr()
	}
	at := h.Token()
	matchers, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	site, err := caddyfile.Site(h)
	if err != nil {
		return nil, err
	}
	if site.Realm, err = caddyfile.NameRealm(h, site.Realm, at); err != nil {
		return nil, err
	}
	if leavesOut(matchers) {
		caddy.Log().Named("config.adapter.caddyfile").Warn("two_factor has a matcher: requests that it leaves out are not gated at all, and sign-ins among them pass without a second factor; gate the whole site, and make exceptions with public, guest and trust",
			zap.String("file", at.File), zap.Int("line", at.Line))
	}
	return h.NewRoute(matchers, &Handler{Site: site, Admin: adminOf(h), Source: fmt.Sprintf("%s:%d", at.File, at.Line)}), nil
}

// leavesOut reports whether the directive's matchers may exclude requests from the gate.
func leavesOut(matchers caddy.ModuleMap) bool {
	var paths []string
	if len(matchers) == 1 && json.Unmarshal(matchers["path"], &paths) == nil {
		return !slices.Contains(paths, "/*") && !slices.Contains(paths, "*")
	}
	return len(matchers) > 0
}
