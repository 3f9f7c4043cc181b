// Package edge tests the edge between Caddy and the gate, which only a real Caddy can show: that a
// whoami question resolves the same placeholders as its request, what Caddy's error routes
// receive, early data, and the warnings at start. It needs loopback ports only.
package edge
