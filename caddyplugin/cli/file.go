package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// whole is a file with mode 0600 under a temporary name. commit gives it its final name, so
// that an incomplete file never has that name.
type whole struct {
	*os.File
	name string
}

// absent returns an error if there is a file with this name: no command replaces a file.
func absent(name string) error {
	if _, err := os.Lstat(name); err == nil {
		return fmt.Errorf("%s is there already and is not written over: name another file", name)
	}
	return nil
}

func newWhole(name string) (*whole, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".partial-*") // 0600
	if err != nil {
		return nil, fmt.Errorf("making the file: %w", err)
	}
	return &whole{f, name}, nil
}

// commit syncs the file to disk and gives it its final name. It returns an error if a file of
// that name has appeared meanwhile.
func (w *whole) commit() (size int64, err error) {
	info, err := w.Stat()
	if err == nil {
		err = errors.Join(w.Sync(), w.Close())
	}
	if err != nil {
		return 0, err
	}
	if err := os.Link(w.File.Name(), w.name); errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("%s is there by now and is not written over", w.name)
	} else if err != nil { // the file system may not support hard links
		if err := os.Rename(w.File.Name(), w.name); err != nil {
			return 0, err
		}
	}
	dir, err := os.Open(filepath.Dir(w.name))
	if err != nil {
		return 0, err
	}
	return info.Size(), errors.Join(dir.Sync(), dir.Close())
}

// discard removes the temporary name. After commit the file remains under its final name.
func (w *whole) discard() {
	_ = w.Close()
	_ = os.Remove(w.File.Name())
}

// download fetches an export into a new file, or to standard output if name is "". The file is
// made first: if it can't be, nothing is exported.
func download(cmd *cobra.Command, name string, fetch func() (io.ReadCloser, error)) error {
	if name == "" {
		return copyExport(cmd.OutOrStdout(), fetch)
	}
	if err := absent(name); err != nil {
		return wrongInput(cmd, err)
	}
	file, err := newWhole(name)
	if err != nil {
		return wrongInput(cmd, err)
	}
	defer file.discard()
	if err := copyExport(file, fetch); err != nil {
		return err
	}
	_, err = file.commit()
	return err
}

func copyExport(to io.Writer, fetch func() (io.ReadCloser, error)) error {
	answer, err := fetch()
	if err != nil {
		return err
	}
	defer answer.Close()
	if _, err := io.Copy(to, answer); err != nil {
		return fmt.Errorf("the export broke off, and what was written is not the whole; the server's log says why: %w", err)
	}
	return nil
}
