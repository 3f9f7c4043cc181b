// Package caddyplugin is Secondgate as a part of Caddy: the app `two_factor` ([App]), the
// handlers `two_factor` ([Handler]) and `two_factor_admin` ([StaffHandler]), and their
// Caddyfile. It translates Caddy's configuration, requests,
// matchers and placeholders for internal/server and internal/gateway, and decides nothing
// itself. Importing it also registers the admin API and the commands.
//
// Resources that outlive a configuration, such as the open store, are shared through one pool
// (see engines). They are closed when no configuration uses them any more. A configuration
// that fails to load leaves them unchanged.
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
	"github.com/secondgate/secondgate/caddyplugin/storage"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/timesource"
)

func init() { caddy.RegisterModule(App{}) }

// App is the Caddy app `two_factor`. It has the settings and resources that all sites share.
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
	// Audit has the settings of the audit log. Default: events are kept for 400 days.
	Audit *Audit `json:"audit,omitempty"`
	// RetiredRealms are realms that have users with second factors in the store, and that no
	// site uses any more. If such a realm is not listed here, a configuration with a realm
	// that is new to the store is refused, because the realm may have been renamed by mistake.
	RetiredRealms []string `json:"retired_realms,omitempty"`
	// RetiredSource is the file and line of retired_realms in the Caddyfile, for warnings.
	RetiredSource string `json:"retired_source,omitempty"`
	// SameIDs confirms that users keep their ids although a realm's ids now come from another
	// source, such as another whoami. The values are the words that the error names which
	// refuses such a change.
	SameIDs []string `json:"same_ids,omitempty"`
	// Mail is the mail server for notices and codes. Default: no mails are sent.
	Mail *Mail `json:"mail,omitempty"`
	// AdminAPI restricts the requests of the admin API that change users or export secrets.
	// "socket": only over a Unix socket that other users of the machine can't open. "tcp":
	// over TCP as well. Default: socket.
	AdminAPI string `json:"admin_api,omitempty"`

	// ctx is the configuration's context. Start looks up other apps in it.
	ctx caddy.Context
	// scratch is the temporary directory of the store if the configuration is only
	// validated, else "".
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

// Server returns the server that Provision opened. The admin API and the command check use it.
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

// settings translates the app's JSON for server.Open. It checks the values, and resolves
// placeholders and modules. It opens no store.
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
	if s.Storage, s.Engine, err = storage.Load(ctx, a.StorageRaw); err != nil {
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

// storageFlags returns the flag by which a command finds Caddy's storage; errors show it to
// the operator. Only the default storage needs one, because its directory depends on the
// environment of the server's process.
func storageFlags(st certmagic.Storage) string {
	if st == certmagic.Storage(caddy.DefaultStorage) {
		return " --caddy-storage " + caddy.DefaultStorage.Path
	}
	return ""
}

// active calls [server.Server.Started] when the whole configuration has started. Caddy starts
// its apps in no fixed order: another app may fail after App.Start, for example because a port
// is in use. Caddy emits the event "started" after all apps have started.
type active struct{ app *App }

// onActive subscribes active to the event "started".
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

// Start starts the background work with these settings. The store was opened in Provision,
// because the handlers need it before Start.
func (a *App) Start() error {
	if err := a.server.Start(); err != nil {
		return err
	}
	noteGrace(a.ctx)
	boundEnd()
	a.warnOfAdmin()
	return nil
}

// Stop ends the background work of this configuration. Cleanup closes the store.
func (a *App) Stop() error {
	a.server.Stop()
	return nil
}

// Cleanup releases the store. Caddy also calls it after Provision returned an error.
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
