// Package soaking runs the real program under load, as its own process on loopback
// before a portal, and weighs what is left afterwards.
//
// Customers live at full speed, many at once: they sign in, set two-factor
// authentication up, give right, wrong and used codes, browse, download, keep event
// streams and WebSockets open, sign out, make new backup codes and turn it all off,
// while the configuration is reloaded every few seconds. Each answer is judged; the
// driver keeps a ledger of what the store must hold for what was done. Then strangers
// come with random cookies, users and codes, whom the store must not notice at all.
//
// `go test ./test/suite/soaking` is a short form of some twenty seconds; ./test/soak is the
// whole: five minutes and a million strangers. It reads the goroutines, files and
// memory of the process through Caddy's admin endpoint and /proc, and so wants Linux.
//
// Its one invariant: what is counted is compared with what was promised, and nothing
// is asserted that a busy machine alone could break.
package soaking
