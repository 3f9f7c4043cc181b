// Package supportdesk tests two_factor_admin from outside: staff and customers with
// browsers, a real Caddy, a real store.
package supportdesk
