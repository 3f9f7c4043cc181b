// Package portalkinds holds a small, faithful portal for each kind of portal that there is:
// how it keeps sessions, what breaks them, and how its pages name people. Each is taken
// through a customer's whole journey, with the Caddyfile that docs/portals/kinds.md
// shows for it.
//
// Its one invariant: the Caddyfiles in testdata are the ones in the documentation, and
// each of them is run.
package portalkinds
