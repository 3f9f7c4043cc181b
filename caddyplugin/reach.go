package caddyplugin

import (
	"cmp"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/caddyplugin/admin"
)

// adminOverTCP is the value of `admin_api` with which the admin API acts and exports secrets
// over TCP, too.
const adminOverTCP = "tcp"

// adminOf is the address of the admin endpoint as a Caddyfile names it, empty if it does
// not. Handlers keep it for warnOfAdmin: Caddy tells a module nothing about the endpoint.
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

// warnOfAdmin warns of an admin endpoint over TCP when a configuration starts.
func (a *App) warnOfAdmin() {
	named, err := caddy.NewReplacer().ReplaceOrErr(a.admin, true, true)
	if err != nil || named == "off" {
		return
	}
	address, err := caddy.ParseNetworkAddress(cmp.Or(named, caddy.DefaultAdminListen))
	if err != nil || address.IsUnixNetwork() || address.IsFdNetwork() {
		return
	}
	// A configuration in JSON names no endpoint here; the default one may be off in it.
	if named == "" && caddy.ListenerUsage(address.Network, address.JoinHostPort(0)) == 0 {
		return
	}
	a.log.Warn("the admin endpoint is open to every process of the machine, which can replace the configuration there",
		zap.String("address", address.String()), zap.Bool("users_and_secrets_too", a.AdminAPI == adminOverTCP), zap.String("remedy", admin.SocketRemedy))
}
