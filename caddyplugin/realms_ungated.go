package caddyplugin

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// warnUngated warns of an address that is served without two_factor now, and was served with
// that of a realm which has activated users.
func (a *App) warnUngated(before sites) error {
	gated := slices.Concat(slices.Collect(maps.Values(a.sites))...)
	served, err := a.served()
	if err != nil {
		return err
	}
	for _, realm := range slices.Sorted(maps.Keys(before)) {
		i := slices.IndexFunc(before[realm], func(at string) bool { return slices.Contains(served, at) && !slices.Contains(gated, at) })
		if i < 0 || slices.Contains(a.RetiredRealms, realm) {
			continue
		}
		n, err := a.engine.store.CountUsers(a.engine.life, realm)
		if err != nil {
			return fmt.Errorf("counting the users of realm %q: %w", realm, err)
		}
		if n.Activated > 0 {
			a.log.Warn("a site has no two_factor any more: users of its realm are let in by their password alone there; if it is the same portal, give the site its two_factor back",
				zap.String("address", before[realm][i]), zap.String("realm", realm), zap.Int("activated", n.Activated))
		}
	}
	return nil
}

// served are the addresses of all sites of the configuration.
func (a *App) served() (at []string, err error) {
	mod, err := a.ctx.AppIfConfigured("http")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the sites: %w", err)
	}
	for _, srv := range mod.(*caddyhttp.App).Servers {
		for _, route := range srv.Routes {
			at = append(at, addressesOf(route.MatcherSets, srv.Listen)...)
		}
	}
	return at, nil
}
