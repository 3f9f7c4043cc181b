package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Used returns how many bytes the files below a directory use on the disk. That may be less
// than their lengths, because the database's logs are sparse. A file that the database removes
// meanwhile is not counted.
func Used(dir string) (bytes uint64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			bytes += room(info)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("looking at the files in %s: %w", dir, err)
	}
	return bytes, nil
}
