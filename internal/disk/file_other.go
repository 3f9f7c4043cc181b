//go:build !unix

package disk

import "io/fs"

// Owner returns false: files have no owner that is known here.
func Owner(fs.FileInfo) (uid int, known bool) { return 0, false }

// room returns the length of a file: how much space it uses on the disk is not known here.
func room(info fs.FileInfo) uint64 { return uint64(info.Size()) }
