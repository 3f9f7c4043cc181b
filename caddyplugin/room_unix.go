//go:build unix

package caddyplugin

import (
	"io/fs"
	"syscall"
)

// room returns how many bytes a file uses on the disk (stat(2) counts blocks of 512 bytes).
func room(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return info.Size()
}
