// Command secondgate is a Caddy server with Secondgate's modules and the standard ones.
// Its commands are those of Secondgate and those of Caddy that run and configure the
// server; see root.go.
package main

import (
	"os"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/secondgate/secondgate/caddyplugin"
)

func main() {
	os.Exit(caddyplugin.ExitStatus(rootCommand().Execute()))
}
