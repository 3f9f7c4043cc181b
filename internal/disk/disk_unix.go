//go:build linux || darwin

package disk

import "golang.org/x/sys/unix"

func of(dir string) (Space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return Space{}, err
	}
	unit := uint64(s.Bsize)
	return Space{Free: s.Bavail * unit, Size: s.Blocks * unit}, nil
}
