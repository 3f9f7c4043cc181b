// Package e2e tests the whole: the real binary, started with a Caddyfile, in front of a real
// portal and behind a real browser. The tests use no package of Secondgate. They see what a
// customer, an attacker or an operator sees.
//
// It needs the portals of test/kit/portals and Debian's chromium package.
package e2e
