package badger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	engine "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"

	"github.com/secondgate/secondgate/internal/store"
)

// examination is what the files of a store look like before Badger opens them. Badger
// itself repairs silently: it starts anew without a MANIFEST, removes tables that the
// MANIFEST does not name, and panics on a damaged table.
type examination struct {
	// tables are the files that the MANIFEST names.
	tables int
	// damage is what is wrong with records in otherwise sound files. The store can be
	// opened; what is not found in it may be hidden by the damage.
	damage error
}

// Exists reports whether there is a store in dir, whole or damaged. It makes nothing.
func Exists(dir string) (bool, error) {
	files, err := storeFiles(dir)
	return files.any(), err
}

// examine reads the files in dir, and changes nothing. It returns store.ErrDamaged where
// they can't be opened without losing what they hold.
func examine(dir string) (e examination, err error) {
	files, err := storeFiles(dir)
	if err != nil || !files.any() {
		return e, err
	}
	if !files.manifest {
		return e, damaged("the file MANIFEST is missing, and %s are there", files)
	}
	named, torn, err := readManifest(dir)
	if err != nil {
		return e, damaged("the file MANIFEST can't be read: %v", err)
	}
	if err := files.fit(named, torn); err != nil {
		return e, err
	}
	e.tables = len(named)
	for id, t := range named {
		name := table.IDToFilename(id)
		hidden, err := examineTable(filepath.Join(dir, name), t.Compression)
		if err != nil {
			return e, damaged("the file %s can't be read: %s", name, firstLine(err))
		}
		if hidden != nil {
			e.damage = fmt.Errorf("%w: records in the file %s: %s", store.ErrDamaged, name, firstLine(hidden))
		}
	}
	return e, nil
}

// damaged is why a store can't be opened. The caller names the directory.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s (nothing was changed): move the directory away and restore a backup with `secondgate restore`; `secondgate doctor` says what is wrong", store.ErrDamaged, fmt.Sprintf(format, args...))
}

// firstLine is what an error or panic of Badger's says first; some dump whole tables.
func firstLine(err error) string {
	text, _, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return text[:min(len(text), 300)]
}

// filesOf are Badger's files in a directory.
type filesOf struct {
	manifest bool
	// tables are the numbers of *.sst, logs the names of *.mem and *.vlog that hold
	// something; open says that one of those is a *.mem, which is so after a crash.
	tables map[uint64]bool
	logs   []string
	open   bool
}

func (f filesOf) any() bool { return f.manifest || len(f.tables) > 0 || len(f.logs) > 0 }

func (f filesOf) String() string {
	return fmt.Sprintf("%d tables and %d logs", len(f.tables), len(f.logs))
}

func storeFiles(dir string) (f filesOf, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("looking into the directory: %w", err)
	}
	f.tables = make(map[uint64]bool)
	for _, e := range entries {
		switch name := e.Name(); filepath.Ext(name) {
		case ".sst":
			if id, ok := table.ParseFileID(name); ok {
				f.tables[id] = true
			}
		case ".mem", ".vlog":
			f.logs = append(f.logs, name)
			f.open = f.open || filepath.Ext(name) == ".mem"
		default:
			f.manifest = f.manifest || name == engine.ManifestFilename
		}
	}
	return f, nil
}

// fit compares the tables with those that the MANIFEST names. A table that it does not
// name is left of a crash, and Badger removes it: its content is in a *.mem too, or in the
// tables that it was to replace. A crash leaves a *.mem, and a whole MANIFEST: torn says
// that its last record is not.
func (f filesOf) fit(named map[uint64]engine.TableManifest, torn bool) error {
	for id := range named {
		if !f.tables[id] {
			return damaged("the file %s is missing, which the file MANIFEST names", table.IDToFilename(id))
		}
	}
	for id := range f.tables {
		if _, ok := named[id]; !ok && (torn || !f.open) {
			return damaged("the file MANIFEST was cut off: it does not name the file %s", table.IDToFilename(id))
		}
	}
	return nil
}

func readManifest(dir string) (named map[uint64]engine.TableManifest, torn bool, err error) {
	defer recovered(&err)
	f, err := os.Open(filepath.Join(dir, engine.ManifestFilename))
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	m, whole, err := engine.ReplayManifestFile(f, 0, engineOptions(dir, nil))
	return m.Tables, whole < info.Size(), err
}

// examineTable opens one table and verifies its checksums. hidden is damage to its blocks,
// err to the file as a whole.
func examineTable(file string, compression options.CompressionType) (hidden, err error) {
	t, err := openTable(file, compression)
	if err != nil {
		return nil, err
	}
	defer t.Close(-1)
	return verifyTable(t), nil
}

func openTable(file string, compression options.CompressionType) (t *table.Table, err error) {
	defer recovered(&err)
	mapped, err := z.OpenMmapFile(file, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return table.OpenTable(mapped, table.Options{
		ReadOnly: true, BlockSize: 4 << 10, Compression: compression, ChkMode: options.NoVerification,
	})
}

// verifyTable looks at Badger's own checksums: damage to a key hides its record, which no
// checksum of a record can show. Badger 4.9.6 dereferences nil when a block is damaged in
// its lengths.
func verifyTable(t *table.Table) (err error) {
	defer recovered(&err)
	return t.VerifyChecksum()
}

// recovered turns a panic into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%v", p)
	}
}

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
