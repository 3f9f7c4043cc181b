// Package caddyworld attacks the gateway where only Caddy can: over Caddyfiles. A world
// is drawn from a seed: a portal, a Caddyfile before it and programs of requests, by an
// attacker who knows the victim's password (or has the certificate or key that stands
// for it) and never a code, and by an honest owner. What adapts must hold:
//
//   - No byte that the portal rendered for the victim reaches the attacker.
//   - Nothing is changed as the victim by a request of the attacker.
//   - A stranger behind `guest` sees nothing that the portal shows beyond it.
//   - The owner who got in once is never locked out and never sees a 5xx.
//
// A Caddyfile that is refused is no failure. Failures shrink to a few lines, and are
// printed as a [Case] to be pasted into the table of regressions. See README.md.
package caddyworld
