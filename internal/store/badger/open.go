package badger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	engine "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/disk"
	"github.com/secondgate/secondgate/internal/store"
)

// engineOptions sizes Badger for up to a million users of some 400 bytes each, so that most of
// the memory remains for the server. With the default sizes 100,000 users cost 183 MB, with
// these 9 MB. log may be nil.
func engineOptions(dir string, log *zap.Logger) engine.Options {
	if log == nil {
		log = zap.NewNop()
	}
	return engine.DefaultOptions(dir).
		WithLogger(bridge{log.Named("badger").Sugar()}).
		WithSyncWrites(true).
		WithMemTableSize(2 << 20).
		WithNumMemtables(1).
		WithNumCompactors(2). // the least that Badger accepts
		WithBlockCacheSize(0).
		WithIndexCacheSize(2 << 20).
		WithCompression(options.None). // would need the block cache
		WithValueLogFileSize(8 << 20).
		WithValueThreshold(16 << 10).
		WithVerifyValueChecksum(true).
		WithChecksumVerificationMode(options.NoVerification). // see the package comment
		WithMetricsEnabled(false)
}

// openEngine examines the files in dir and has Badger open them.
func openEngine(dir string, log *zap.Logger, sized engine.Options) (*Engine, error) {
	if log == nil {
		log = zap.NewNop()
	}
	e := &Engine{dir: dir, log: log}
	err := e.prepare()
	if err == nil {
		err = e.open(sized)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the store in %s: %w", dir, err)
	}
	ctx, quit := context.WithCancel(context.Background())
	e.quit = quit
	e.collecting.Go(func() { e.collectGarbage(ctx) })
	return e, nil
}

func (e *Engine) open(sized engine.Options) (err error) {
	if !held(e.dir) { // else its files come and go; Badger says that it is locked
		found, err := examine(e.dir)
		if err != nil {
			return err
		}
		if e.damage = found.damage; e.damage != nil {
			e.log.Error("the store is damaged on disk; restore it from a backup; users whose records may be hidden are refused until then", zap.String("dir", e.dir), zap.Error(e.damage))
		}
	}
	defer func() {
		if p := recover(); p != nil {
			err = damaged("opening it fails: %v", p)
		}
	}()
	if e.db, err = engine.Open(sized); err != nil {
		return openError(err)
	}
	return nil
}

// prepare makes the directory and tries it, because Badger's errors hide their cause.
func (e *Engine) prepare() error {
	if err := os.MkdirAll(e.dir, 0o700); err != nil {
		return fmt.Errorf("making the directory: %w", err)
	}
	if err := tryDirectory(e.dir); err != nil {
		return err
	}
	if err := e.room(); err != nil {
		return err
	}
	info, err := os.Stat(e.dir)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		// Not tightened here: it may be a directory that holds more than the store.
		e.log.Warn("the store's directory is open to other users of this machine; make it 0700",
			zap.String("dir", e.dir), zap.Stringer("mode", mode))
	}
	return nil
}

// tryDirectory makes and removes a file.
func tryDirectory(dir string) error {
	f, err := os.CreateTemp(dir, ".try-*")
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the directory can't be written; give it to the user that the server runs as: %w", err)
	case err != nil:
		return fmt.Errorf("trying the directory: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// openError recognises a locked directory. Badger drops the cause from its error
// chain (y.Wrap), so that its text is all there is.
func openError(err error) error {
	if strings.Contains(err.Error(), "Cannot acquire directory lock") {
		return fmt.Errorf("%w: a running server holds it (`validate` beside one meets this too); stop that one, or name another directory", store.ErrLocked)
	}
	return fmt.Errorf("badger: %w; if no other cause is named, the store is damaged: move the directory away and restore a backup with `secondgate restore`", err)
}

// bridge passes Badger's messages to the logger. It logs "info" messages one level lower,
// because Badger logs one for every table.
type bridge struct{ log *zap.SugaredLogger }

func (b bridge) Errorf(format string, args ...any) {
	b.log.Errorw("database error", "detail", oneLine(format, args))
}

func (b bridge) Warningf(format string, args ...any) {
	b.log.Warnw("database warning", "detail", oneLine(format, args))
}

func (b bridge) Infof(format string, args ...any) {
	if b.log.Level().Enabled(zap.DebugLevel) {
		b.log.Debugw("database", "detail", oneLine(format, args))
	}
}

// Debugf drops what Badger says of every single write.
func (bridge) Debugf(string, ...any) {}

func oneLine(format string, args []any) string {
	return strings.TrimSpace(fmt.Sprintf(format, args...))
}

// minFree is what must be free on the disk before anything is written. Badger maps
// its sparse logs into memory, and a write to a page for which the disk has no room
// is no error but a SIGBUS, which ends the server. The reserve covers what may be
// written between two looks: logs, a flushed table, a compaction.
const minFree = 32 << 20

// FreeSpace returns how many bytes this process may still write in dir, or the greatest number
// if that is unknown.
func FreeSpace(dir string) (uint64, error) {
	space, err := disk.Of(dir)
	return space.Free, err
}

// closeFree is what must be free for closing, which writes the memory's end (2 MB) into a
// table. Badger does so in a goroutine of its own, where a SIGBUS can't be caught.
const closeFree = 8 << 20

// room reports whether there is room for a change.
func (e *Engine) room() error { return e.roomFor(minFree) }

func (e *Engine) roomFor(need uint64) error {
	free, err := FreeSpace(e.dir)
	if err != nil {
		return fmt.Errorf("looking for free space in %s: %w", e.dir, err)
	}
	if free < need {
		return fmt.Errorf("only %d MB are free for the store in %s, it needs %d MB: %w", free>>20, e.dir, need>>20, syscall.ENOSPC)
	}
	return nil
}
