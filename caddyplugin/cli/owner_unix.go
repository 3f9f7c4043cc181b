//go:build unix

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ownedByUs returns an error if a directory belongs to another user than this process.
func ownedByUs(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the caller creates it
	}
	if err != nil {
		return fmt.Errorf("looking at Caddy's storage: %w", err)
	}
	if to, ok := info.Sys().(*syscall.Stat_t); ok && int(to.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to the user %d: run this as that user, for example with `sudo -u '#%d'`", dir, to.Uid, to.Uid)
	}
	return nil
}
