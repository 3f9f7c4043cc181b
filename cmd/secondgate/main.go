// Command secondgate is a Caddy server with Secondgate's modules and the standard ones. It has
// the commands of Secondgate, and those of Caddy that run and configure the server; see
// root.go.
package main

import (
	"os"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/secondgate/secondgate/caddyplugin" // the modules
	"github.com/secondgate/secondgate/caddyplugin/cli"
)

func main() {
	os.Exit(cli.ExitStatus(rootCommand().Execute()))
}
