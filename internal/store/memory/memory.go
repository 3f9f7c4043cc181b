// Package memory is an engine that keeps records in the memory of the process, for tests: it
// behaves as other engines do (snapshots, conflicts, retries), and a test with it takes
// milliseconds. Records are lost with the process, so that it is no storage for a server.
package memory

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/secondgate/secondgate/internal/store/kv"
)

var _ kv.Engine = (*Engine)(nil)

// Engine is the in-memory engine, to be made by [New].
type Engine struct {
	kv.Local
	// last is what was committed; committing guards its replacement.
	last       atomic.Pointer[version]
	committing sync.Mutex
}

// version is all records at one moment, by key. It never changes: a commit makes another one.
type version []*kv.Record

// find returns where a key is, or would be.
func (v version) find(key string) (int, bool) {
	return slices.BinarySearchFunc(v, key, func(r *kv.Record, key string) int { return strings.Compare(string(r.Key), key) })
}

// get returns the record under a key, nil if there is none.
func (v version) get(key string) *kv.Record {
	if at, ok := v.find(key); ok {
		return v[at]
	}
	return nil
}

// between is the part of a version that a range selects, in its order.
func (v version) between(r kv.Range) version {
	from, _ := v.find(string(r.From))
	to := len(v)
	if r.To != nil {
		to, _ = v.find(string(r.To))
	}
	part := v[from:max(from, to)]
	if r.Reverse {
		part = slices.Clone(part)
		slices.Reverse(part)
	}
	return part
}

// New returns an empty engine.
func New() *Engine {
	e := new(Engine)
	e.last.Store(new(version))
	return e
}

// Reopen returns an engine with the records of a closed one, as opening a directory again does.
func (e *Engine) Reopen() *Engine {
	again := New()
	again.last.Store(e.last.Load())
	return again
}

// View implements kv.Engine.
func (e *Engine) View(ctx context.Context, fn func(r kv.Reader) error) error {
	return e.Run(ctx, func() error { return fn(view{ctx, *e.last.Load()}) })
}

// Update implements kv.Engine.
func (e *Engine) Update(ctx context.Context, subject string, fn func(tx kv.Tx) error) error {
	return e.Transact(ctx, subject, func() ([][]byte, error) {
		t := &tx{engine: e, began: view{ctx, *e.last.Load()}, read: make(map[string]*kv.Record), written: make(map[string]*kv.Record)}
		if err := fn(t); err != nil {
			return nil, err
		}
		if err := cmp.Or(t.failure, ctx.Err()); err != nil {
			return nil, err
		}
		return e.commit(t)
	})
}

// commit applies a transaction unless a record that it read is not the same any more.
func (e *Engine) commit(t *tx) (keys [][]byte, err error) {
	e.committing.Lock()
	defer e.committing.Unlock()
	next := slices.Clone(*e.last.Load())
	for key, record := range t.read {
		if next.get(key) != record {
			return nil, kv.ErrConflict
		}
	}
	for key, record := range t.written {
		at, there := next.find(key)
		if there {
			next = slices.Delete(next, at, at+1)
		}
		if record != nil {
			next = slices.Insert(next, at, record)
		}
		keys = append(keys, []byte(key))
	}
	e.last.Store(&next)
	return keys, nil
}

// Load implements kv.Engine.
func (e *Engine) Load(ctx context.Context, fn func(put func(r kv.Record) error) error) error {
	return e.Run(ctx, func() error {
		t := &tx{written: make(map[string]*kv.Record)}
		err := fn(func(r kv.Record) error { t.Set(r); return t.failure })
		if err != nil {
			return err
		}
		_, err = e.commit(t)
		return err
	})
}

// Damage implements kv.Engine: memory is never damaged.
func (e *Engine) Damage() error { return nil }

// Close implements kv.Engine.
func (e *Engine) Close() error { return e.Shut(func() error { return nil }) }

// view reads one version.
type view struct {
	ctx context.Context
	version
}

// Get implements kv.Reader.
func (v view) Get(key []byte) ([]byte, error) { return value(v.get(string(key))) }

// value is a copy, since records are shared.
func value(r *kv.Record) ([]byte, error) {
	if r == nil {
		return nil, kv.ErrNotFound
	}
	return slices.Clone(r.Value), nil
}

// Scan implements kv.Reader.
func (v view) Scan(r kv.Range) iter.Seq2[kv.Record, error] {
	return func(yield func(kv.Record, error) bool) {
		for _, found := range v.between(r) {
			if err := v.ctx.Err(); err != nil {
				yield(kv.Record{}, err)
				return
			}
			out := kv.Record{Key: slices.Clone(found.Key), Expires: found.Expires}
			if !r.KeysOnly {
				out.Value = slices.Clone(found.Value)
			}
			if !yield(out, nil) {
				return
			}
		}
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
	r := t.began.get(string(key))
	t.read[string(key)] = r
	return value(r)
}

// Scan implements kv.Reader.
func (t *tx) Scan(r kv.Range) iter.Seq2[kv.Record, error] {
	return view{t.began.ctx, *t.engine.last.Load()}.Scan(r)
}

// Set implements kv.Tx.
func (t *tx) Set(r kv.Record) {
	if err := kv.Fits(r); err != nil {
		t.failure = err
	}
	t.written[string(r.Key)] = &r
}

// Delete implements kv.Tx.
func (t *tx) Delete(key []byte) { t.written[string(key)] = nil }
