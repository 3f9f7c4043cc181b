//go:build linux || darwin

package badger

import (
	"errors"
	"os"
	"syscall"
)

// held reports whether a process has the store in dir open: Badger keeps a flock on
// the directory.
func held(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}

// own gives path to the owner of dir, if we are root and that one is another.
func own(path, dir string) error {
	info, err := os.Stat(dir)
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	to, ok := info.Sys().(*syscall.Stat_t)
	if !ok || to.Uid == 0 {
		return nil
	}
	return os.Lchown(path, int(to.Uid), int(to.Gid))
}
