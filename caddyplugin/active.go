package caddyplugin

import (
	"context"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"go.uber.org/zap"
)

// active does what a configuration changes for the next one: the store's witness, an order
// that was followed, and the records of where realms are. Caddy starts its apps in no order,
// so another app, as a port that is taken, may fail after this one has started. The event
// "started" comes when all have.
type active struct{ app *App }

// onActive has active called.
func (a *App) onActive(ctx caddy.Context) error {
	events, err := ctx.App("events")
	if err != nil {
		return fmt.Errorf("waiting for the start: %w", err)
	}
	return events.(*caddyevents.App).On("started", active{a})
}

// Handle writes it down. The configuration serves already.
func (c active) Handle(context.Context, caddy.Event) error {
	a := c.app
	for _, record := range a.records {
		if err := record(); err != nil {
			a.log.Error("a realm that changes later may not be noticed", zap.Error(err))
		}
	}
	if err := a.witness.follow(a); err != nil {
		a.log.Error("the store's witness is not kept: a store that is lost from now on can't be told from a new one", zap.Error(err))
	}
	return nil
}
