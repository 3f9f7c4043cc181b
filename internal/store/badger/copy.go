package badger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/secondgate/secondgate/internal/store"
)

// Examined is what Examine finds.
type Examined struct {
	// Tables are the files of records, Damage what is wrong with records in them.
	Tables int
	Damage error
}

// Examine verifies the store in dir without writing to it. fn gets a copy of the store, in
// a temporary directory, because opening a store changes its files. It returns
// store.ErrLocked while a server has the store open, store.ErrNotFound where there is none,
// and store.ErrDamaged where it can't be opened.
func Examine(ctx context.Context, dir string, o Options, fn func(st store.Store) error) (e Examined, err error) {
	if held(dir) {
		return e, store.ErrLocked
	}
	if there, err := Exists(dir); err != nil || !there {
		return e, cmp.Or(err, fmt.Errorf("a store in %s: %w", dir, store.ErrNotFound))
	}
	found, err := examine(dir)
	if err != nil {
		return e, err
	}
	e = Examined{found.tables, found.damage}
	temporary, err := os.MkdirTemp("", "secondgate-examine-")
	if err != nil {
		return e, fmt.Errorf("making a directory for a copy of the store: %w", err)
	}
	defer func() { _ = os.RemoveAll(temporary) }()
	copied := filepath.Join(temporary, "store")
	if err := errors.Join(ctx.Err(), os.Mkdir(copied, 0o700), os.CopyFS(copied, os.DirFS(dir))); err != nil {
		return e, fmt.Errorf("copying the store to %s: %w", temporary, err)
	}
	d, err := Open(copied, o)
	if err != nil {
		return e, err
	}
	defer func() { _ = d.Close() }()
	return e, fn(d)
}
