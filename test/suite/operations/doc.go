// Package operations tests what docs/operations.md tells administrators to do, with the
// real program and the real tools.
//
// Its one invariant: what the page shows is what happens.
package operations
