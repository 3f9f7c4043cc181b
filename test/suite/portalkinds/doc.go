// Package portalkinds holds a small model of each kind of portal: how it keeps sessions, what ends
// them, and how its pages name users. It takes each through a customer's whole journey with the
// Caddyfile that docs/portals/kinds.md shows for it. The Caddyfiles in testdata are the ones in
// the documentation, and each is run.
//
// The files spa_ test single-page portals: those with scripts that send a bearer token in a header,
// and those with scripts that rely on a cookie. Each way to get a token past the gate is a test of
// its own.
//
// The files check_ test the commands inspect and check with the demo portal, small test portals and
// real ones. With right settings every line is ok. With one wrong setting the line about it fails
// and names the remedy. Where a dry run is impossible the command says why.
package portalkinds
