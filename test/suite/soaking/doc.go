// Package soaking runs the real program under load, as its own process on loopback in front of a
// portal, and then measures what is left over.
//
// Many customers act in parallel: they sign in, enrol, give right, wrong and used codes, browse,
// download, keep event streams and WebSockets open, sign out, make new backup codes and turn
// two-factor authentication off. The configuration is reloaded every few seconds. Each response is
// judged, and a ledger records what the store must contain afterwards. Then strangers send random
// cookies, users and codes, of which the store must record nothing.
//
// `go test -tags crash ./test/suite/soaking` is a short form of about twenty seconds; ./test/soak takes five
// minutes and a million strangers. The suite reads the goroutines, files and memory of the process
// through Caddy's admin endpoint and /proc, so it needs Linux. No assertion depends on the speed
// of the machine.
package soaking
