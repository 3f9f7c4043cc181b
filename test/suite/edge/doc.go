// Package edge tests what only a real Caddy can show about the edge between Caddy and
// the gate: that a whoami question resolves the same placeholders as the request that
// it is about, what Caddy's error routes get, early data, and the warnings at start.
// Everything listens on loopback and ends with the test.
package edge
