// Package memory is an engine that keeps records in the memory of the process, for tests: it
// behaves as other engines do (snapshots, conflicts, retries), and a test with it takes
// milliseconds. Records are lost with the process, so that it is no storage for a server.
package memory

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/secondgate/secondgate/internal/store/kv"
)

var _ kv.Engine = (*Engine)(nil)

// Engine is the in-memory engine. The zero value is empty and ready.
type Engine struct {
	gate  kv.Gate
	queue kv.Queue
	feed  kv.Feed
	// root is the tree of what was committed; committing guards its replacement.
	root       atomic.Pointer[node]
	committing sync.Mutex
}

// New returns an empty engine.
func New() *Engine { return new(Engine) }

// Reopen returns an engine with the records of a closed one, as opening a directory again does.
func (e *Engine) Reopen() *Engine {
	again := New()
	again.root.Store(e.root.Load())
	return again
}

// View implements kv.Engine.
func (e *Engine) View(ctx context.Context, fn func(r kv.Reader) error) error {
	leave, err := e.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return fn(view{ctx, e.root.Load()})
}

// Update implements kv.Engine.
func (e *Engine) Update(ctx context.Context, subject string, fn func(tx kv.Tx) error) error {
	leave, err := e.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	next, err := e.queue.Wait(ctx, subject)
	if err != nil {
		return err
	}
	defer next()
	return kv.Retry(ctx, func() error {
		t := &tx{engine: e, began: view{ctx, e.root.Load()}, read: make(map[string]*kv.Record), written: make(map[string]*kv.Record)}
		if err := fn(t); err != nil {
			return err
		}
		if t.failure != nil {
			return t.failure
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return e.commit(t)
	})
}

// commit applies a transaction unless a record that it read is not the same any more.
func (e *Engine) commit(t *tx) error {
	e.committing.Lock()
	defer e.committing.Unlock()
	root := e.root.Load()
	for key, record := range t.read {
		if root.get(key) != record {
			return kv.ErrConflict
		}
	}
	keys := make([][]byte, 0, len(t.written))
	for key, record := range t.written {
		root = root.put(key, record)
		keys = append(keys, []byte(key))
	}
	e.root.Store(root)
	e.feed.Publish(keys)
	return nil
}

// Load implements kv.Engine.
func (e *Engine) Load(ctx context.Context, fn func(put func(r kv.Record) error) error) error {
	leave, err := e.gate.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return fn(func(r kv.Record) error {
		e.committing.Lock()
		defer e.committing.Unlock()
		e.root.Store(e.root.Load().put(string(r.Key), &r))
		return kv.Fits(r)
	})
}

// Changes implements kv.Engine.
func (e *Engine) Changes(ctx context.Context, after uint64) ([]kv.Change, uint64, error) {
	leave, err := e.gate.Enter(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	return e.feed.Since(after)
}

// Damage implements kv.Engine: memory is never damaged.
func (e *Engine) Damage() error { return nil }

// Close implements kv.Engine.
func (e *Engine) Close() error { return e.gate.Close(func() error { return nil }) }

// view reads one version of the tree.
type view struct {
	ctx  context.Context
	root *node
}

// Get implements kv.Reader.
func (v view) Get(key []byte) ([]byte, error) { return value(v.root.get(string(key))) }

// value is a copy, since records are shared.
func value(r *kv.Record) ([]byte, error) {
	if r == nil {
		return nil, kv.ErrNotFound
	}
	return append([]byte{}, r.Value...), nil
}

// Scan implements kv.Reader.
func (v view) Scan(r kv.Range) iter.Seq2[kv.Record, error] {
	return func(yield func(kv.Record, error) bool) {
		v.root.walk(r, func(found *kv.Record) bool {
			if err := v.ctx.Err(); err != nil {
				yield(kv.Record{}, err)
				return false
			}
			out := kv.Record{Key: append([]byte{}, found.Key...), Expires: found.Expires}
			if !r.KeysOnly {
				out.Value = append([]byte{}, found.Value...)
			}
			return yield(out, nil)
		})
	}
}

// tx is one attempt. read has what Get found at its beginning, nil for nothing; written has
// what is to be committed, nil for what is to be removed.
type tx struct {
	engine        *Engine
	began         view
	read, written map[string]*kv.Record
	failure       error
}

// Get implements kv.Reader.
func (t *tx) Get(key []byte) ([]byte, error) {
	if r, ok := t.written[string(key)]; ok {
		return value(r)
	}
	r := t.began.root.get(string(key))
	t.read[string(key)] = r
	return value(r)
}

// Scan implements kv.Reader.
func (t *tx) Scan(r kv.Range) iter.Seq2[kv.Record, error] {
	return view{t.began.ctx, t.engine.root.Load()}.Scan(r)
}

// Set implements kv.Tx.
func (t *tx) Set(r kv.Record) {
	if err := kv.Fits(r); err != nil {
		t.failure = err
	}
	t.written[string(r.Key)] = &kv.Record{Key: append([]byte{}, r.Key...), Value: append([]byte{}, r.Value...), Expires: r.Expires}
}

// Delete implements kv.Tx.
func (t *tx) Delete(key []byte) { t.written[string(key)] = nil }
