// Package gatewayrules tests the rules Q1 to Q4 and G1 to G8 of the gateway in a real Caddy with small
// portals: which cookies are sealed, when a question is asked, which answer counts, and which
// responses are released. File names begin with seal, ask, gate or link for these parts. The tests of
// PHP sessions need php.
package gatewayrules
