// Package secondgate holds what the module's top directory has for users, so that
// programs can carry it along: the example Caddyfile.
//
// Its one invariant: Example is the file Caddyfile.example as it is.
package secondgate

import _ "embed"

// Example is a Caddyfile for the demo portal: the gateway at http://localhost:8080,
// bound to loopback, before a portal at 127.0.0.1:8081.
//
//go:embed Caddyfile.example
var Example string
