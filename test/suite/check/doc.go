// Package check holds the command check to its word: at real portals, set up right,
// every line is ok; set up wrong, the line that is about it fails and says what to
// change; and where there can be no rehearsal it says why.
package check
