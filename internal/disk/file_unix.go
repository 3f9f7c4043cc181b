//go:build unix

package disk

import (
	"io/fs"
	"syscall"
)

// Owner returns the user id of a file's owner. known is false where files have none.
func Owner(info fs.FileInfo) (uid int, known bool) {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid), true
	}
	return 0, false
}

// room returns how many bytes a file uses on the disk (stat(2) counts blocks of 512 bytes).
func room(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Blocks) * 512
	}
	return uint64(info.Size())
}
