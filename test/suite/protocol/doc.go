// Package protocol takes real clients of every protocol through the whole gateway: HTTP/1.1,
// HTTP/2, HTTP/3, WebSockets, event streams, large bodies, and requests that only attackers send.
// Assertions about bytes on the wire read those bytes from the wire.
package protocol
