// Command secondgate is Caddy with Secondgate's modules and the standard ones, with the
// command demo, and with the subcommands of `two-factor` at its top level.
//
// Its one invariant: apart from that it is Caddy, with all of Caddy's commands.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/secondgate/secondgate/caddyplugin"
)

func main() {
	for _, c := range caddyplugin.Commands() {
		caddycmd.RegisterCommand(c)
	}
	caddycmd.Main()
}
