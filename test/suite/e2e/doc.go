// Package e2e holds tests of the whole: the real binary, started with a Caddyfile
// before a real portal, and a real browser in front of it.
//
// Its one invariant: nothing here knows Secondgate's inside. What a test sees is what
// a customer, an attacker or an admin would see.
package e2e
