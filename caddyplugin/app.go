// Package caddyplugin is Secondgate as a part of Caddy: the app `two_factor` ([App]), the
// handlers `two_factor` ([Handler]) and `two_factor_admin` ([StaffHandler]), the storage
// engine [Badger], and their Caddyfile. It translates Caddy's configuration, requests,
// matchers and placeholders for internal/server and internal/gateway, and decides nothing
// itself. Importing it also registers the admin API and the commands.
//
// What outlives a configuration is shared through one pool, and closed when no
// configuration uses it any more. A configuration that fails to load changes nothing of it.
package caddyplugin

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/caddyplugin/admin"
	_ "github.com/secondgate/secondgate/caddyplugin/cli" // the commands
	"github.com/secondgate/secondgate/caddyplugin/secret"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/timesource"
)

func init() { caddy.RegisterModule(App{}) }

// App is the app `two_factor`: what all sites of a server share.
type App struct {
	// StorageRaw is the storage engine. Default: Badger in two_factor/ below Caddy's
	// data directory.
	StorageRaw json.RawMessage `json:"storage,omitempty" caddy:"namespace=two_factor.storage inline_key=engine"`
	// Key holds the master keys, newest first, one of 32 bytes in base64 on each line;
	// usually {file.…} or {env.…}. Default: a file that is made beside the store on the
	// first start, readable by the server's user only.
	Key string `json:"key,omitempty"`
	// NTP is the time source that the server's clock is compared with, at start and every
	// hour: HOST or HOST:PORT. Default: none; the clock is not compared then.
	NTP string `json:"ntp,omitempty"`
	// Audit is for how long security events are kept. Default: 400 days.
	Audit *Audit `json:"audit,omitempty"`
	// RetiredRealms are realms of the store with second factors that no site has any more.
	// Without them here a configuration with a realm that the store does not know is refused.
	RetiredRealms []string `json:"retired_realms,omitempty"`
	// RetiredSource is the file and line of retired_realms in the Caddyfile, for warnings.
	RetiredSource string `json:"retired_source,omitempty"`
	// SameIDs accepts that a realm's users get their ids from elsewhere: the values are those
	// that the refusal names.
	SameIDs []string `json:"same_ids,omitempty"`
	// Mail is how notices and codes are sent by e-mail. Default: none are.
	Mail *Mail `json:"mail,omitempty"`
	// AdminAPI is where the admin API acts and exports secrets: "socket", on a Unix socket
	// that other users of the machine can't open, or "tcp", everywhere. Default: socket.
	AdminAPI string `json:"admin_api,omitempty"`

	// ctx is the configuration's, for what is looked up when it starts.
	ctx caddy.Context
	// scratch is the temporary directory of a validation.
	scratch string
	// admin is the address of the admin endpoint, as the handlers' Caddyfile named it.
	admin  string
	server *server.Server
	log    *zap.Logger
	// claims are the handlers that use the default realm.
	claims claims
}

// CaddyModule returns the module's information.
func (App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "two_factor", New: func() caddy.Module { return new(App) }}
}

// Server is the configuration without Caddy, for the admin API and the command check.
func (a *App) Server() *server.Server { return a.server }

// Provision checks the settings, and opens the store or shares it with an older
// configuration.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.log = ctx, ctx.Logger()
	if err := globalRows.Check(a); err != nil {
		return err
	}
	settings, err := a.settings(ctx)
	if err != nil {
		return err
	}
	if err := a.onActive(ctx); err != nil {
		return err
	}
	if settings.Scratch, err = a.toValidate(settings.Storage); err != nil {
		return err
	}
	a.server, err = server.Open(ctx, settings)
	return err
}

// settings checks the settings, and resolves what they name. Nothing is opened.
func (a *App) settings(ctx caddy.Context) (s server.Settings, err error) {
	s = server.Settings{
		Witness: ctx.Storage(), WitnessFlags: storageFlags(ctx.Storage()), Pool: engines,
		Build: admin.Build(), Keep: a.keep(), RetiredRealms: a.RetiredRealms, RetiredSource: a.RetiredSource, SameIDs: a.SameIDs,
		Served: a.served, Logger: a.log,
	}
	if registry := ctx.GetMetricsRegistry(); registry != nil {
		s.Metrics = registry
	}
	if a.NTP != "" {
		if s.NTP, err = timesource.Address(a.NTP); err != nil {
			return s, fmt.Errorf("ntp %s: %w", a.NTP, err)
		}
	}
	s.AdminOverTCP = a.AdminAPI == adminOverTCP
	if s.Keys, err = secret.Keys(a.Key); err != nil {
		return s, err
	}
	if s.Storage, s.Engine, err = a.loadStorage(ctx); err != nil {
		return s, err
	}
	if a.Mail == nil {
		return s, nil
	}
	mail, err := a.Mail.server()
	if err != nil {
		return s, fmt.Errorf("mail: %w", err)
	}
	server.WarnReadable(a.log, secret.File(a.Mail.Password))
	s.Mail = &mail
	return s, nil
}

func (a *App) loadStorage(ctx caddy.Context) (storage server.Storage, engine string, err error) {
	if a.StorageRaw == nil {
		a.StorageRaw = json.RawMessage(`{"engine":"badger"}`)
	}
	mod, err := ctx.LoadModule(a, "StorageRaw")
	if err != nil {
		return nil, "", fmt.Errorf("loading the storage engine: %w", err)
	}
	storage, ok := mod.(server.Storage)
	if !ok {
		return nil, "", fmt.Errorf("module %T is no storage engine of two_factor", mod)
	}
	return storage, mod.(caddy.Module).CaddyModule().ID.Name(), nil
}

// storageFlags are what a command needs to find this storage: the default one depends on
// the environment of the server.
func storageFlags(st certmagic.Storage) string {
	if st == certmagic.Storage(caddy.DefaultStorage) {
		return " --caddy-storage " + caddy.DefaultStorage.Path
	}
	return ""
}

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

// Start makes these settings count for the work in the background. The store is open
// since Provision, which the handlers need.
func (a *App) Start() error {
	if err := a.server.Start(); err != nil {
		return err
	}
	noteGrace(a.ctx)
	boundEnd()
	a.warnOfAdmin()
	return nil
}

// Stop takes that back. The store is closed by Cleanup.
func (a *App) Stop() error {
	a.server.Stop()
	return nil
}

// Cleanup releases the store. It also runs when Provision failed half-way.
func (a *App) Cleanup() error {
	if a.scratch != "" {
		defer os.RemoveAll(a.scratch) //nolint:errcheck // a temporary directory
	}
	if a.server == nil {
		return nil
	}
	return a.server.Close()
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
