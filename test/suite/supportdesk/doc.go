// Package supportdesk tests two_factor_admin from outside, with browsers of staff and customers, a
// real Caddy and a real store. It shows what each role may do, and that no customer becomes staff.
// It needs loopback ports only.
package supportdesk
