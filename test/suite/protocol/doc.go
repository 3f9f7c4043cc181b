// Package protocol holds the tests that take real clients of every protocol through
// the whole gateway: HTTP/1.1, HTTP/2, HTTP/3, WebSockets, event streams, large
// bodies, and requests that no honest client sends.
//
// Its one invariant: what the tests claim of bytes on a wire was seen on a wire.
package protocol
