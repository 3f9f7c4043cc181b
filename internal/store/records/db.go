// Package records keeps the records of a store in an ordered key-value engine ([kv.Engine]). It
// implements [store.Store]: users with their indexes, visits, spent codes, the audit log, the
// queue of mails and the numbers of days. Engines know nothing of these.
//
// It guarantees that every change is one transaction of the engine, and that a record that can't
// be read is never taken for one that is not there.
//
// # Records
//
// Records are binary: a version byte, fields in a fixed order, and a CRC-32C over key and
// content (codec.go). They take half of the space of JSON. The checksum does not depend on the
// engine's own checks: Badger, for example, answers "not found" for every record of a damaged
// block, which would turn the second factors of its users off. Keys and values are the same in
// every engine, so that a backup of one is restored into any other.
//
// # Caveats
//
// Times keep microseconds. The functions given to Update and its kind must not call Update
// themselves: they would wait for each other.
package records

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

var _ store.Store = (*DB)(nil)

// Options are what a store needs besides its engine.
type Options struct {
	// Logger gets damaged records and the engine's messages; nil logs nothing.
	Logger *zap.Logger
	// Clock decides what has expired; nil is time.Now.
	Clock func() time.Time
}

// DB is an open store. Its methods are those of store.Store.
type DB struct {
	engine kv.Engine
	log    *zap.Logger
	clock  func() time.Time
	// indexed is set once all users are in all indexes.
	indexed atomic.Bool
	// stamped is the last stamp of an event.
	stamped atomic.Uint64
	// quit ends the goroutine that builds indexes.
	quit     context.CancelFunc
	indexing sync.WaitGroup
}

// Open returns the store that an engine holds, which may be empty. Closing it closes the engine.
func Open(engine kv.Engine, o Options) *DB {
	d := &DB{engine: engine, log: o.Logger, clock: o.Clock}
	if d.log == nil {
		d.log = zap.NewNop()
	}
	if d.clock == nil {
		d.clock = time.Now
	}
	d.index()
	ctx, quit := context.WithCancel(context.Background())
	d.quit = quit
	d.indexing.Go(func() { d.indexRest(ctx) })
	return d
}

// Close implements store.Store.
func (d *DB) Close() error {
	d.quit()
	d.indexing.Wait()
	return d.engine.Close()
}

// Update implements store.Store.
func (d *DB) Update(ctx context.Context, key store.UserKey, fn func(tx store.Tx) error) error {
	return d.engine.Update(ctx, string(userKey(key)), func(w kv.Tx) error {
		t := &tx{db: d, Tx: w, key: key}
		if err := fn(t); err != nil {
			return err
		}
		return t.finish()
	})
}

// Check implements store.Store by writing a record of its own. Damage that the engine found is
// reported too.
func (d *DB) Check(ctx context.Context) error {
	if err := d.engine.Damage(); err != nil {
		return err
	}
	return d.engine.Update(ctx, "", func(w kv.Tx) error {
		key, at := []byte{kindCheck}, d.clock()
		d.set(w, key, timeForm.encode(key, &at), time.Time{})
		return nil
	})
}

// view returns what fn finds in a snapshot.
func view[T any](ctx context.Context, d *DB, fn func(r kv.Reader) (T, error)) (found T, err error) {
	err = d.engine.View(ctx, func(r kv.Reader) error {
		found, err = fn(r)
		return err
	})
	return found, err
}

// Meta implements store.Store.
func (d *DB) Meta(ctx context.Context, name string) ([]byte, error) {
	return view(ctx, d, func(r kv.Reader) ([]byte, error) { return getMeta(r, name) })
}

// UpdateMeta implements store.Store.
func (d *DB) UpdateMeta(ctx context.Context, name string, fn func(old []byte) ([]byte, error)) error {
	return d.engine.Update(ctx, string(keyOf(kindMeta, name)), func(w kv.Tx) error {
		old, err := getMeta(w, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		content, err := fn(old)
		if err != nil {
			return err
		}
		d.setMeta(w, name, content)
		return nil
	})
}

func getMeta(r kv.Reader, name string) ([]byte, error) {
	what := func() string { return fmt.Sprintf("record %q", brief(name)) }
	return get(r, keyOf(kindMeta, name), what, metaForm.decode)
}

func (d *DB) setMeta(w kv.Tx, name string, content []byte) {
	key := keyOf(kindMeta, name)
	d.set(w, key, metaForm.encode(key, &content), time.Time{})
}

// keepOver is for how long engines keep what has expired. Records end by the clock of the
// store; engines only sweep, by that of the machine. A clock that was ahead and was set right
// must not have cost records that still count.
const keepOver = 24 * time.Hour

// over reports whether a record with that end has expired.
func (d *DB) over(end time.Time) bool { return !d.clock().Before(end) }

// set writes a record that the engine may sweep some time after its end; a zero end is never.
func (d *DB) set(w kv.Tx, key, record []byte, end time.Time) {
	r := kv.Record{Key: key, Value: record}
	if !end.IsZero() {
		left := end.Sub(d.clock())
		r.Expires = time.Now().Add(left).Add(keepOver)
	}
	w.Set(r)
}
