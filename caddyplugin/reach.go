package caddyplugin

import (
	"cmp"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/caddyplugin/admin"
)

// adminOverTCP is the value of `admin_api` that allows the admin API to change users and export
// secrets over TCP.
const adminOverTCP = "tcp"

// adminOf returns the address of the admin endpoint that the Caddyfile names, "off", or "".
// Handlers keep it for warnOfAdmin, because modules can't read it from Caddy's configuration.
func adminOf(h httpcaddyfile.Helper) string {
	admin, ok := h.Option("admin").(*caddy.AdminConfig)
	switch {
	case !ok || admin == nil:
		return ""
	case admin.Disabled:
		return "off"
	}
	return admin.Listen
}

// warnOfAdmin logs a warning if the admin endpoint listens on TCP. App.Start calls it.
func (a *App) warnOfAdmin() {
	named, err := caddy.NewReplacer().ReplaceOrErr(a.admin, true, true)
	if err != nil || named == "off" {
		return
	}
	address, err := caddy.ParseNetworkAddress(cmp.Or(named, caddy.DefaultAdminListen))
	if err != nil || address.IsUnixNetwork() || address.IsFdNetwork() {
		return
	}
	// For a configuration in JSON, named is always "". The endpoint may be off then, so this
	// checks whether the default address is in use.
	if named == "" && caddy.ListenerUsage(address.Network, address.JoinHostPort(0)) == 0 {
		return
	}
	a.log.Warn("the admin endpoint is open to every process of the machine, which can replace the configuration there",
		zap.String("address", address.String()), zap.Bool("users_and_secrets_too", a.AdminAPI == adminOverTCP), zap.String("remedy", admin.SocketRemedy))
}
