// Command secondgate is Caddy with Secondgate's modules and the standard ones, and
// with the command demo.
//
// Its one invariant: apart from that it is Caddy, with all of Caddy's commands.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/secondgate/secondgate/caddyplugin"
)

func main() { caddycmd.Main() }
