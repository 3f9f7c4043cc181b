// Package badger keeps the store in an embedded Badger v4 database: one directory,
// one process.
//
// Its one invariant: what a method reported as done is on the disk, whole. Every
// change is one Badger transaction with synchronous writes; nothing is written
// outside of one, and nothing that can't be read is taken for absent.
//
// # Records
//
// Records are binary: a version byte, fields in a fixed order, and a CRC-32C over
// key and content (codec.go). They cost half of what JSON costs, and the checksum
// is the only one that is looked at when a record is read: Badger's own answers
// "not found" for every record of a damaged block, which would turn its users'
// second factors off, or else refuses to open the whole store (TestDamagedFile).
//
// # Caveats
//
// Times keep microseconds. The functions given to Update and UpdateMeta must not
// call Update themselves: changes of one user wait for each other, and two users
// may share a place in that line. The disk is never filled to its end (space.go).
package badger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	engine "github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

var _ store.Store = (*DB)(nil)

// Options are what the engine needs besides its directory.
type Options struct {
	// Logger gets Badger's own messages and damaged records; nil logs nothing.
	Logger *zap.Logger
	// Clock decides what has expired; nil is time.Now.
	Clock func() time.Time
}

// DB is an open store. Its methods are those of store.Store.
type DB struct {
	dir    string
	db     *engine.DB
	log    *zap.Logger
	clock  func() time.Time
	line   line
	upkeep upkeep
	// indexed is set once all users are in all indexes.
	indexed atomic.Bool
	// stamped is the last stamp of an event.
	stamped atomic.Uint64
	// damage is what is wrong on the disk, as it was found when the store was opened.
	damage error

	mu      sync.Mutex // guards closed, and running against Close
	closed  bool
	running sync.WaitGroup
	closing sync.Once
	failure error // of closing
}

// Open opens the store in dir, which is made (0700) if it is missing. It returns
// store.ErrLocked when another process holds it.
func Open(dir string, o Options) (*DB, error) {
	return openSized(dir, o, engineOptions(dir, o.Logger))
}

func openSized(dir string, o Options, sized engine.Options) (*DB, error) {
	d := &DB{dir: dir, log: o.Logger, clock: o.Clock, line: newLine()}
	if d.log == nil {
		d.log = zap.NewNop()
	}
	if d.clock == nil {
		d.clock = time.Now
	}
	if err := d.prepare(); err != nil {
		return nil, fmt.Errorf("opening the store in %s: %w", dir, err)
	}
	if err := d.openEngine(sized); err != nil {
		return nil, fmt.Errorf("opening the store in %s: %w", dir, err)
	}
	d.index()
	d.upkeep.start(d)
	return d, nil
}

// openEngine examines the files and has Badger open them.
func (d *DB) openEngine(sized engine.Options) (err error) {
	if !held(d.dir) { // else its files come and go; Badger says that it is locked
		found, err := examine(d.dir)
		if err != nil {
			return err
		}
		if d.damage = found.damage; d.damage != nil {
			d.log.Error("the store is damaged on disk; restore it from a backup; users whose records may be hidden are refused until then", zap.String("dir", d.dir), zap.Error(d.damage))
		}
	}
	defer func() {
		if p := recover(); p != nil {
			err = damaged("opening it fails: %v", p)
		}
	}()
	if d.db, err = engine.Open(sized); err != nil {
		return openError(err)
	}
	return nil
}

// hidden returns the store's damage for a record of a user that was not found: the damage
// may hide it, and with it a second factor.
func (d *DB) hidden(key store.UserKey, err error) error {
	if d.damage != nil && errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %s is not found, and may be hidden by damage: %w", store.ErrCorrupt, nameUser(key), d.damage)
	}
	return err
}

// Close refuses new operations, waits for the running ones and closes the
// database. Closing again waits for the first Close and returns its error.
func (d *DB) Close() error {
	d.closing.Do(func() {
		d.mu.Lock()
		d.closed = true
		d.mu.Unlock()
		d.running.Wait()
		d.upkeep.stop()
		// What was reported as done is in Badger's log; the next Open reads it. So Badger
		// may be left open where closing it would end the process with a fault.
		err := d.roomFor(closeFree)
		if err == nil {
			err = d.db.Close()
		}
		if err != nil {
			d.failure = fmt.Errorf("closing the store in %s: %w", d.dir, err)
		}
	})
	return d.failure
}

// enter announces an operation; Close waits until leave is called. A counter and
// not a read lock: an operation that starts another one while Close waits gets
// ErrClosed then, and not a deadlock.
func (d *DB) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, store.ErrClosed
	}
	d.running.Add(1)
	return d.running.Done, nil
}

// view runs fn on a snapshot.
func (d *DB) view(ctx context.Context, fn func(txn *engine.Txn) error) error {
	leave, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return d.db.View(fn)
}

// errTooLarge bounds a record and a transaction, see maxRecord.
var errTooLarge = errors.New("too large to be stored")

// engineError puts Badger's errors into the words of package store.
func engineError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, engine.ErrKeyNotFound):
		return store.ErrNotFound
	case errors.Is(err, engine.ErrDBClosed), errors.Is(err, engine.ErrBlockedWrites):
		return store.ErrClosed
	case errors.Is(err, engine.ErrTxnTooBig):
		return errTooLarge
	}
	return fmt.Errorf("badger: %w", err)
}
