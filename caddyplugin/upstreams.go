package caddyplugin

import (
	"context"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/caddyplugin/routes"
	"github.com/secondgate/secondgate/caddyplugin/upstreams"
	"github.com/secondgate/secondgate/internal/onboard/check"
)

// upstreamsCheck logs warnings at start about proxies behind a gate: proxies that no question
// reaches, and proxies that send requests of one visitor to several upstreams. A question may
// then reach another upstream than its request, and the two may differ in who is signed in if
// sessions are copied between the upstreams with a delay.
type upstreamsCheck struct {
	gate *Handler
	srv  *caddyhttp.Server
	log  *zap.Logger
}

// checkUpstreams subscribes an upstreamsCheck to Caddy's event "started". The check can't run
// while the gate is provisioned, because the handlers behind it are provisioned later.
func checkUpstreams(ctx caddy.Context, gate *Handler) error {
	srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return nil
	}
	events, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("checking the upstreams: %w", err)
	}
	return events.(*caddyevents.App).On("started", &upstreamsCheck{gate: gate, srv: srv, log: ctx.Logger()})
}

// Handle logs the warnings about this gate's questions. For the first gate of a server it also
// logs the warnings about the proxies behind all gates, and sets the pools of all gates.
func (c *upstreamsCheck) Handle(context.Context, caddy.Event) error {
	for _, warning := range upstreams.Warnings(c.srv, c.gate) {
		c.log.Warn("settings", zap.String("warning", warning), zap.String("source", c.gate.Source))
	}
	w := routes.Provisioned(c.srv)
	if len(w.Gates) == 0 || w.Gates[0] != c.gate {
		return nil
	}
	for _, p := range w.Proxies {
		if warning := upstreams.SpreadWarning(p); warning != "" {
			c.log.Warn("settings", zap.String("warning", warning))
		}
	}
	pools := upstreams.PoolsOf(w.Proxies)
	for _, gate := range w.Gates {
		gate.(*Handler).pools.Store(&pools)
	}
	return nil
}

// Spreads returns the proxies behind the gates of a server that may send requests of one
// visitor to several upstreams. The command check shows them.
func (a *App) Spreads(server string) []check.Spread {
	app, err := a.ctx.AppIfConfigured("http")
	if err != nil {
		return nil
	}
	srv, ok := app.(*caddyhttp.App).Servers[server]
	if !ok {
		return nil
	}
	return upstreams.Spreads(srv)
}
