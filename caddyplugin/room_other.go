//go:build !unix

package caddyplugin

import "io/fs"

// room is how many bytes a file takes on the disk, or how long it is where that is not
// known.
func room(info fs.FileInfo) int64 { return info.Size() }
