// Package disk tells how much room a file system has, how much of it the files in a directory
// use, and to whom a file belongs. The store refuses to write before
// its disk is full, and package spool leaves a reserve on the disk that temporary files
// are on.
package disk

// Space is the room of a file system, in bytes.
type Space struct {
	// Free is how much this process may still write; Size is all of the file system.
	Free, Size uint64
}

// Of returns the space of the file system that has dir. Where it is not known, there is as
// much as there are numbers.
func Of(dir string) (Space, error) { return of(dir) }
