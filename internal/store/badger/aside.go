package badger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/records"
)

// asidePrefix begins the names of directories that stores are restored in.
const asidePrefix = ".restoring-"

// Aside is a store that is built from a backup in a directory next to its final place. Commit
// moves it there in one step; until then the final place is unchanged.
type Aside struct {
	dir, temporary string
	o              Options
	db             *DB // once Load has opened it
	// made are the directories around dir that were made, the innermost first.
	made []string
}

// NewAside prepares the restoring of a store into dir, which must not exist or be
// empty. It returns store.ErrLocked when a server holds dir.
func NewAside(dir string, o Options) (*Aside, error) {
	if err := vacant(dir); err != nil {
		return nil, err
	}
	parent := filepath.Dir(dir)
	a := &Aside{dir: dir, o: o, made: missing(parent)}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, errors.Join(fmt.Errorf("making the directory: %w", err), a.Discard())
	}
	removeLeftovers(parent)
	temporary, err := os.MkdirTemp(parent, asidePrefix+"*")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making a directory to restore in: %w", err), a.Discard())
	}
	a.temporary = temporary
	return a, nil
}

// missing are dir and those around it that are not there, the innermost first.
func missing(dir string) (dirs []string) {
	for {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return dirs
		}
		dirs = append(dirs, dir)
		dir = filepath.Dir(dir)
	}
}

// vacant returns why nothing may be restored into dir, or nil.
func vacant(dir string) error {
	files, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(files) == 0:
		return nil
	case err != nil:
		return fmt.Errorf("looking into the directory to restore into: %w", err)
	case held(dir):
		return fmt.Errorf("%w: a running server holds %s; stop it and move its store away first (nothing was changed)", store.ErrLocked, dir)
	}
	return fmt.Errorf("%s is not empty, and a restore never writes over a store: move it away first, or name another directory (nothing was changed)", dir)
}

// removeLeftovers removes the directories of restores that were killed.
func removeLeftovers(parent string) {
	left, _ := filepath.Glob(filepath.Join(parent, asidePrefix+"*"))
	for _, dir := range left {
		if !held(dir) {
			_ = os.RemoveAll(dir) // the next one tries again
		}
	}
}

// Load fills the store with the records that next returns until io.EOF, after amend
// has changed each user; see records.DB.Load. It is open then, for what else has to be
// written before Commit.
func (a *Aside) Load(ctx context.Context, next func() (store.Raw, error), amend func(u *store.User)) (store.Store, store.Loaded, error) {
	// This store isn't used before Commit, which syncs all of it at once.
	e, err := openEngine(a.temporary, a.o.Logger, engineOptions(a.temporary, a.o.Logger).WithSyncWrites(false))
	if err != nil {
		return nil, store.Loaded{}, err
	}
	a.db = records.Open(e, a.o)
	done, err := a.db.Load(ctx, next, amend)
	return a.db, done, err
}

// Commit closes the store, makes it durable and puts it in its place, unless
// something turned up there meanwhile.
func (a *Aside) Commit() error {
	if err := a.db.Close(); err != nil {
		return err
	}
	if err := syncTree(a.temporary); err != nil {
		return fmt.Errorf("syncing what was restored: %w", err)
	}
	if err := vacant(a.dir); err != nil {
		return err
	}
	// rename(2) replaces an empty directory and no other.
	if err := os.Rename(a.temporary, a.dir); err != nil {
		return fmt.Errorf("putting the restored store in its place: %w", err)
	}
	return syncFile(filepath.Dir(a.dir))
}

// Discard removes what was made, unless it was committed.
func (a *Aside) Discard() error {
	var closing error
	if a.db != nil {
		closing = a.db.Close()
	}
	if err := errors.Join(closing, os.RemoveAll(a.temporary)); err != nil {
		return err
	}
	for _, dir := range a.made {
		_ = os.Remove(dir) // one with something in it stays
	}
	return nil
}

// syncTree gives the files to the owner of the directory around them, for whom root
// may be restoring, and makes them durable.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := own(path, filepath.Dir(dir)); err != nil {
			return err
		}
		return syncFile(path)
	})
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
