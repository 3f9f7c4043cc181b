// Package spa holds single-page portals against the gate: scripts that keep a bearer
// token and send it in a header, and scripts that live on a cookie. What they show is
// written out as attacks; the rest is a journey in a real browser.
package spa
