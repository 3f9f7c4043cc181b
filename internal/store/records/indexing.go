package records

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

// Stores of older versions lack entries of the indexes that came later. They are
// written once: at the opening for a small store, else in the background, while users
// change as ever. How far that has come is written with each batch, so that it goes on
// where it was when the server stops.
const (
	// indexVersion grows when there are more indexes. 1 is never written: by name, and by
	// id for those with a name that doesn't begin with it.
	indexVersion = 2
	// indexRecord is the name of the record (kindMeta) about it: a version byte, and
	// behind it the last user's key that is done; none behind it when all are.
	indexRecord = "user index"
	// indexAtOnce is how many users are worth waiting for: some hundred milliseconds.
	indexAtOnce = 5000
	// indexBatch bounds a transaction, in bytes of keys; Badger's bound is some 300 KB.
	indexBatch = 64 << 10
	// indexUsers bounds how many users it indexes.
	indexUsers = 500
	// indexPause is how long to wait after a failure, as of a full disk.
	indexPause = time.Minute
)

// index builds the indexes of a small store, and begins with those of a large one.
func (d *DB) index() {
	for done := 0; done < indexAtOnce && !d.indexed.Load(); {
		n, err := d.indexSome(context.Background())
		if err != nil {
			return // indexRest tries again
		}
		done += n
	}
}

// indexRest goes on with it until all is done or ctx ends.
func (d *DB) indexRest(ctx context.Context) {
	if d.indexed.Load() {
		return
	}
	d.log.Info("building the index of users for this version; until then they can be listed by name only")
	for done, begun := 0, time.Now(); ctx.Err() == nil; {
		n, err := d.indexSome(ctx)
		if done += n; d.indexed.Load() {
			d.log.Info("the index of users is built", zap.Int("users", done), zap.Duration("took", time.Since(begun)))
			return
		}
		if err != nil && ctx.Err() == nil {
			select {
			case <-ctx.Done():
			case <-time.After(indexPause):
			}
		}
	}
}

// indexSome indexes the next users, in one transaction, and returns how many.
func (d *DB) indexSome(ctx context.Context) (n int, err error) {
	complete := false
	err = d.engine.Update(ctx, "", func(w kv.Tx) error {
		from, done, err := indexState(w)
		if err != nil {
			return err
		}
		if complete = done; done {
			return nil
		}
		var last []byte
		if n, last, complete, err = d.indexFrom(w, from); err != nil {
			return err
		}
		state := []byte{indexVersion}
		if !complete {
			state = append(state, last...)
		}
		d.setMeta(w, indexRecord, state)
		return nil
	})
	if err != nil {
		if ctx.Err() == nil {
			d.log.Error("building the index of users failed; it is tried again", zap.Error(err))
		}
		return 0, err
	}
	d.indexed.Store(complete)
	return n, nil
}

// indexState reads how far it has come.
func indexState(r kv.Reader) (last []byte, done bool, err error) {
	state, err := getMeta(r, indexRecord)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrCorrupt) || err == nil && (len(state) == 0 || state[0] != indexVersion) {
		return nil, false, nil // from the beginning: what is there already does no harm
	}
	if err != nil {
		return nil, false, err
	}
	return state[1:], len(state) == 1, nil
}

// indexFrom indexes the users behind a key. Reading their records makes a change of one
// meanwhile a conflict, so that no entry is written that a change has just removed.
func (d *DB) indexFrom(w kv.Tx, after []byte) (n int, last []byte, all bool, err error) {
	scan := keysOf(kindUser)
	scan.Size = indexUsers
	if len(after) > 0 {
		scan.From = append(after, 0) // the least key behind it
	}
	size := 0
	for found, err := range w.Scan(scan) {
		if err != nil {
			return n, last, false, err
		}
		if size >= indexBatch || n == indexUsers {
			return n, last, false, nil
		}
		key := bytes.Clone(found.Key)
		what := func() string { return fmt.Sprintf("user under key %q", key) }
		u, err := get(w, key, what, userForm.decode)
		last, n = key, n+1
		if err != nil {
			d.log.Error("a user can't be indexed", zap.Error(err))
			continue
		}
		for _, entry := range indexEntries(&u) {
			d.set(w, entry, nil, time.Time{})
			size += len(entry)
		}
	}
	return n, last, true, nil
}
