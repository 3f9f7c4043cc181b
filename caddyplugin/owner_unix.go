//go:build unix

package caddyplugin

import (
	"io/fs"
	"syscall"
)

// ownedByOther reports whether a file belongs to another user than root.
func ownedByOther(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid != 0
}
