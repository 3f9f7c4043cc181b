// Package secondgate embeds the file Caddyfile.example, so that the demo starts from what the
// documentation shows. It is at the top, since embedding can't reach a parent directory.
package secondgate

import _ "embed"

// Example is a Caddyfile for the demo portal: the gateway at http://localhost:8080,
// bound to loopback, before a portal at 127.0.0.1:8081.
//
//go:embed Caddyfile.example
var Example string
