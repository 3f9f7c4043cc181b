// Package caddyworld attacks the gateway through generated Caddyfiles. It covers what needs Caddy
// itself: routes, matchers, placeholders and error routes. A seed yields a world: a portal, a
// Caddyfile in front of it, and programs of requests. The attacker knows the victim's password (or
// has the certificate or key that replaces it) and never a code. An honest owner uses the portal
// at the same time. If the Caddyfile adapts, these properties must hold:
//
//   - No byte that the portal rendered for the victim reaches the attacker.
//   - Nothing is changed as the victim by a request of the attacker.
//   - A stranger behind `guest` sees nothing that the portal shows beyond it.
//   - An owner who got in once is never locked out and never sees a 5xx.
//
// A refused Caddyfile is no failure. Failures shrink to a few lines, and are printed as a [Case]
// for the table of regressions. See README.md.
package caddyworld
