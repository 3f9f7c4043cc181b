// Package e2e tests the real binary with a Caddyfile, in front of a real portal and behind a real
// browser. The tests use no package of Secondgate; they see what a customer, an attacker or an
// operator sees. It needs test/kit/portals and Chromium.
package e2e
