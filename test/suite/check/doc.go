// Package check tests the command check with the demo portal, small test portals and real ones.
// With right settings every line is ok. With one wrong setting the line about it fails and names
// the remedy. Where a dry run is impossible the command says why. The real portals need
// test/kit/portals.
package check
