// Package badger keeps a store in an embedded Badger v4 database: one directory, one process.
// [Open] opens it for caddyplugin, [Aside] restores into it, [Examine] reads it for `doctor`.
//
// The engine implements [kv.Engine]: every change is one Badger transaction with synchronous
// writes. Badger's own checksums are verified when the directory is opened (examine.go) and not
// when a record is read: Badger answers "not found" for every record of a damaged block, or
// refuses to open the whole store (TestDamagedFile).
//
// # Caveats
//
// The disk is never filled to its end (minFree).
package badger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	engine "github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store/kv"
	"github.com/secondgate/secondgate/internal/store/records"
)

var _ kv.Engine = (*Engine)(nil)

// DB is an open store.
type DB = records.DB

// Options are what a store needs besides its directory.
type Options = records.Options

// Open opens the store in dir, which is made (0700) if it is missing. It returns
// store.ErrLocked when another process holds it.
func Open(dir string, o Options) (*DB, error) {
	e, err := openEngine(dir, o.Logger, engineOptions(dir, o.Logger))
	if err != nil {
		return nil, err
	}
	return records.Open(e, o), nil
}

// Engine is an open Badger database.
type Engine struct {
	kv.Local
	dir string
	db  *engine.DB
	log *zap.Logger
	// quit ends the goroutine that collects garbage.
	quit       context.CancelFunc
	collecting sync.WaitGroup
	// damage is what is wrong on the disk, as it was found when the store was opened.
	damage error
}

// View implements kv.Engine by one of Badger's read transactions, which sees the versions of
// its beginning.
func (e *Engine) View(ctx context.Context, fn func(r kv.Reader) error) error {
	return e.Run(ctx, func() error {
		return e.db.View(func(txn *engine.Txn) error { return fn(reader{ctx, txn}) })
	})
}

// Update implements kv.Engine.
func (e *Engine) Update(ctx context.Context, subject string, fn func(tx kv.Tx) error) error {
	return e.Transact(ctx, subject, func() ([][]byte, error) {
		if err := e.room(); err != nil {
			return nil, err
		}
		t := &tx{reader: reader{ctx, e.db.NewTransaction(true)}, db: e.db}
		defer t.discard()
		if err := fn(t); err != nil {
			return nil, err
		}
		if err := cmp.Or(t.failure, ctx.Err()); err != nil {
			return nil, err
		}
		// Where Badger's log could not be written or synced, the change may be in it.
		return t.keys, engineError(t.txn.Commit(), kv.ErrUnknown)
	})
}

// roomEvery is after how many records of a Load the free space is looked at: they are far
// smaller together than the reserve (see minFree).
const roomEvery = 1000

// Load implements kv.Engine.
func (e *Engine) Load(ctx context.Context, fn func(put func(r kv.Record) error) error) error {
	return e.Run(ctx, func() error {
		batch, n := e.db.NewWriteBatch(), 0
		defer batch.Cancel()
		err := fn(func(r kv.Record) error {
			if n++; n%roomEvery == 1 {
				if err := e.room(); err != nil {
					return err
				}
			}
			if err := kv.Fits(r); err != nil {
				return err
			}
			return engineError(batch.SetEntry(entry(r)), errBadger)
		})
		if err != nil {
			return err
		}
		return engineError(batch.Flush(), errBadger)
	})
}

// Damage implements kv.Engine.
func (e *Engine) Damage() error { return e.damage }

// Close implements kv.Engine.
func (e *Engine) Close() error {
	return e.Shut(func() error {
		e.quit()
		e.collecting.Wait()
		// What was reported as done is in Badger's log; the next Open reads it. So Badger
		// may be left open where closing it would end the process with a fault.
		err := e.roomFor(closeFree)
		if err == nil {
			err = e.db.Close()
		}
		if err != nil {
			return fmt.Errorf("closing the store in %s: %w", e.dir, err)
		}
		return nil
	})
}

// gcEvery is how often the value log is looked through, and gcRatio which part of one of its
// files must be garbage before it is rewritten, as Badger recommends. Only records above the
// value threshold (16 KB) are in it, which is to say hardly any.
const (
	gcEvery = 10 * time.Minute
	gcRatio = 0.5
)

func (e *Engine) collectGarbage(ctx context.Context) {
	tick := time.NewTicker(gcEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for ctx.Err() == nil && e.db.RunValueLogGC(gcRatio) == nil {
		}
	}
}

// reader reads by a Badger transaction.
type reader struct {
	ctx context.Context
	txn *engine.Txn
}

// Get implements kv.Reader.
func (r reader) Get(key []byte) ([]byte, error) {
	item, err := r.txn.Get(key)
	if err != nil {
		return nil, engineError(err, errBadger)
	}
	return item.ValueCopy(nil)
}

// prefetch is how many values Badger reads ahead at most.
const prefetch = 100

// Scan implements kv.Reader.
func (r reader) Scan(over kv.Range) iter.Seq2[kv.Record, error] {
	return func(yield func(kv.Record, error) bool) {
		it := r.txn.NewIterator(engine.IteratorOptions{PrefetchValues: !over.KeysOnly, PrefetchSize: max(1, min(over.Size, prefetch)), Reverse: over.Reverse})
		defer it.Close()
		if over.Reverse {
			it.Seek(over.To) // the greatest key if To is nil
		} else {
			it.Seek(over.From)
		}
		for n := 0; it.Valid(); it.Next() {
			item := it.Item()
			if over.Reverse && over.To != nil && string(item.Key()) >= string(over.To) {
				continue
			}
			if beyond(item.Key(), over) {
				return
			}
			if n++; n%64 == 0 && r.ctx.Err() != nil {
				yield(kv.Record{}, r.ctx.Err())
				return
			}
			if found, err := record(item, over.KeysOnly); !yield(found, err) || err != nil {
				return
			}
		}
	}
}

// beyond reports whether a scan has left its range.
func beyond(key []byte, over kv.Range) bool {
	if over.Reverse {
		return string(key) < string(over.From)
	}
	return over.To != nil && string(key) >= string(over.To)
}

func record(item *engine.Item, keysOnly bool) (r kv.Record, err error) {
	r.Key = item.Key()
	if at := item.ExpiresAt(); at > 0 {
		r.Expires = time.Unix(int64(at), 0).UTC()
	}
	if !keysOnly {
		r.Value, err = item.ValueCopy(nil)
	}
	return r, err
}

// entry is how Badger takes a record.
func entry(r kv.Record) *engine.Entry {
	e := engine.NewEntry(r.Key, r.Value)
	if !r.Expires.IsZero() {
		e.ExpiresAt = uint64(r.Expires.Unix())
	}
	return e
}

// tx is one attempt of an Update. Badger checks at the commit what was read by txn.
type tx struct {
	reader
	db *engine.DB
	// scans is a transaction of its own, made when it is needed, so that Badger does not check
	// what scans read.
	scans *engine.Txn
	// keys are those written, failure is the first write that failed.
	keys    [][]byte
	failure error
}

func (t *tx) discard() {
	t.txn.Discard()
	if t.scans != nil {
		t.scans.Discard()
	}
}

// Scan implements kv.Reader.
func (t *tx) Scan(over kv.Range) iter.Seq2[kv.Record, error] {
	if t.scans == nil {
		t.scans = t.db.NewTransaction(false)
	}
	return reader{t.ctx, t.scans}.Scan(over)
}

// Set implements kv.Tx.
func (t *tx) Set(r kv.Record) {
	err := kv.Fits(r)
	if err == nil {
		err = t.txn.SetEntry(entry(r))
	}
	t.wrote(r.Key, err)
}

// Delete implements kv.Tx.
func (t *tx) Delete(key []byte) { t.wrote(key, t.txn.Delete(key)) }

func (t *tx) wrote(key []byte, err error) {
	if t.failure == nil {
		t.failure = engineError(err, errBadger)
	}
	t.keys = append(t.keys, key)
}

var errBadger = errors.New("badger")

// engineError puts Badger's errors into the words of package kv; others become otherwise.
func engineError(err, otherwise error) error {
	switch {
	case err == nil, errors.Is(err, kv.ErrTooLarge):
		return err
	case errors.Is(err, engine.ErrKeyNotFound):
		return kv.ErrNotFound
	case errors.Is(err, engine.ErrConflict):
		return kv.ErrConflict
	case errors.Is(err, engine.ErrDBClosed), errors.Is(err, engine.ErrBlockedWrites):
		return kv.ErrClosed
	case errors.Is(err, engine.ErrTxnTooBig):
		return kv.ErrTooLarge
	}
	return fmt.Errorf("%w: %w", otherwise, err)
}
