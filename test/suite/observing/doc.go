// Package observing tests `mode observe`: that portal and browser meet as if nobody
// stood between them, what is told of it, and both ways of switching.
package observing
