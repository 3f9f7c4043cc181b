//go:build !unix

package caddyplugin

import "io/fs"

// ownedByOther reports whether a file belongs to another user than root. Here that is not
// known, so it returns false.
func ownedByOther(fs.FileInfo) bool { return false }
