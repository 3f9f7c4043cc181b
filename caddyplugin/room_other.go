//go:build !unix

package caddyplugin

import "io/fs"

// room returns the length of a file: how much space it uses on the disk is not known here.
func room(info fs.FileInfo) int64 { return info.Size() }
