package badger

import (
	"context"
	"errors"
	"hash/maphash"
	"math/rand/v2"
	"time"

	engine "github.com/dgraph-io/badger/v4"

	"github.com/secondgate/secondgate/internal/store"
)

// Changes of one user wait for each other, so conflicts come only from other
// users' changes of the same visit; a few attempts are plenty.
const (
	maxAttempts = 30
	firstPause  = time.Millisecond
	longPause   = 32 * time.Millisecond
)

// Update implements store.Store.
func (d *DB) Update(ctx context.Context, key store.UserKey, fn func(tx store.Tx) error) error {
	leave, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	next, err := d.line.wait(ctx, key)
	if err != nil {
		return err
	}
	defer next()
	return d.write(ctx, func(txn *engine.Txn) error {
		t := &tx{db: d, txn: txn, key: key}
		if err := fn(t); err != nil {
			return err
		}
		return t.finish()
	})
}

// write runs fn in a transaction until it meets no conflict.
func (d *DB) write(ctx context.Context, fn func(txn *engine.Txn) error) error {
	if err := d.room(); err != nil {
		return err
	}
	pause := firstPause
	for range maxAttempts {
		err := d.attempt(ctx, fn)
		if !errors.Is(err, engine.ErrConflict) {
			return err
		}
		if err := sleep(ctx, rand.N(pause)); err != nil {
			return err
		}
		pause = min(2*pause, longPause)
	}
	return store.ErrConflict
}

// attempt returns engine.ErrConflict as it is; fn can't, it never sees it.
func (d *DB) attempt(ctx context.Context, fn func(txn *engine.Txn) error) error {
	txn := d.db.NewTransaction(true)
	defer txn.Discard()
	if err := fn(txn); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := txn.Commit()
	if errors.Is(err, engine.ErrConflict) {
		return err
	}
	return engineError(err)
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// line lets changes of one user pass one after another. Badger alone would let all
// run and all but one of them run again: a hundred codes tried at once would cost
// some five thousand transactions, and the last could starve. Different users may
// share one of its places; then one waits without need.
type line struct {
	seed   maphash.Seed
	places [1024]chan struct{}
}

func newLine() line {
	l := line{seed: maphash.MakeSeed()}
	for i := range l.places {
		l.places[i] = make(chan struct{}, 1)
	}
	return l
}

// wait returns when it is the caller's turn; next ends it.
func (l *line) wait(ctx context.Context, key store.UserKey) (next func(), err error) {
	place := l.places[maphash.Comparable(l.seed, key)%uint64(len(l.places))]
	select {
	case place <- struct{}{}:
		return func() { <-place }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
