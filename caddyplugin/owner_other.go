//go:build !unix

package caddyplugin

import "io/fs"

// ownedByUs is an error if a directory belongs to another user; that is not known here.
func ownedByUs(string) error { return nil }

// ownedByOther reports whether a file belongs to another user than root.
func ownedByOther(fs.FileInfo) bool { return false }
