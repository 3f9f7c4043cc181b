package caddyplugin

import (
	"context"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
)

// active calls [server.Server.Started] when the whole configuration has started. Caddy starts
// its apps in no order, so another app, as a port that is taken, may fail after this one has
// started. The event "started" comes when all have.
type active struct{ app *App }

// onActive has active called.
func (a *App) onActive(ctx caddy.Context) error {
	events, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("waiting for the start: %w", err)
	}
	return events.(*caddyevents.App).On("started", active{a})
}

// Handle implements caddyevents.Handler.
func (c active) Handle(context.Context, caddy.Event) error {
	c.app.server.Started()
	return nil
}
