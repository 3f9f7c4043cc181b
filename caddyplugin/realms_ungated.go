package caddyplugin

import (
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

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
