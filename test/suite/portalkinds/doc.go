// Package portalkinds holds a small model of each kind of portal: how it keeps sessions, what ends
// them, and how its pages name users. It takes each through a customer's whole journey with the
// Caddyfile that docs/portals/kinds.md shows for it. The Caddyfiles in testdata are the ones in
// the documentation, and each is run.
package portalkinds
