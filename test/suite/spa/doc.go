// Package spa tests single-page portals behind the gate: those with scripts that send a bearer
// token in a header, and those with scripts that rely on a cookie. Each way to get a token past
// the gate is a test of its own. The journeys in a real browser need Chromium.
package spa
