//go:build linux || darwin

package badger

import "golang.org/x/sys/unix"

// freeSpace returns how many bytes this process may still write in dir.
func freeSpace(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return s.Bavail * uint64(s.Bsize), nil
}
