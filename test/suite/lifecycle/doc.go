// Package lifecycle holds the tests of what outlives a request: reloads that work and
// reloads that fail, master keys, several sites over one store, and servers that are
// killed.
//
// Its one invariant: what a customer was told holds afterwards, whatever was done to
// the server.
package lifecycle
