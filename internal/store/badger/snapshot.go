package badger

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	engine "github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// Snapshot implements store.Store by one of Badger's read transactions, which sees
// the versions of its beginning.
func (d *DB) Snapshot(ctx context.Context, fn func(store.Snapshot) error) error {
	return d.view(ctx, func(txn *engine.Txn) error { return fn(&snapshot{ctx, txn}) })
}

type snapshot struct {
	ctx context.Context
	txn *engine.Txn
}

// Records implements store.Snapshot.
func (s *snapshot) Records() (n int, err error) {
	err = s.each(engine.IteratorOptions{}, func(*engine.Item) error { n++; return nil })
	return n, err
}

// Meta implements store.Snapshot.
func (s *snapshot) Meta(name string) ([]byte, error) { return getMeta(s.txn, name) }

// Each implements store.Snapshot.
func (s *snapshot) Each(fn func(r store.Raw) error) error {
	return s.each(engine.IteratorOptions{PrefetchValues: true, PrefetchSize: 100}, func(item *engine.Item) error {
		r := store.Raw{Key: item.Key()}
		if at := item.ExpiresAt(); at > 0 {
			r.Expires = time.Unix(int64(at), 0).UTC()
		}
		return item.Value(func(value []byte) error {
			r.Value = value
			return fn(r)
		})
	})
}

func (s *snapshot) each(o engine.IteratorOptions, fn func(item *engine.Item) error) error {
	it := s.txn.NewIterator(o)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if err := fn(it.Item()); err != nil {
			return err
		}
	}
	return nil
}

// Everyone implements store.Store by the users' own keys.
func (d *DB) Everyone(ctx context.Context, after string, limit int) (page store.UserPage, err error) {
	if limit < 1 || limit > 1000 {
		return page, fmt.Errorf("listing everyone: a page of %d, want 1 to 1000", limit)
	}
	from, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil {
		return page, errors.New("listing everyone: the cursor is not one of a previous page")
	}
	err = d.view(ctx, func(txn *engine.Txn) error {
		page, err = d.everyone(ctx, txn, from, limit)
		return err
	})
	return page, err
}

func (d *DB) everyone(ctx context.Context, txn *engine.Txn, from []byte, limit int) (page store.UserPage, err error) {
	it := txn.NewIterator(engine.IteratorOptions{Prefix: []byte{kindUser}, PrefetchValues: true, PrefetchSize: min(limit, 100)})
	defer it.Close()
	if len(from) > 0 {
		it.Seek(append(from, 0)) // the least key behind it
	} else {
		it.Rewind()
	}
	for seen := 0; it.Valid(); it.Next() {
		if err := ctx.Err(); err != nil {
			return store.UserPage{}, err
		}
		if seen == limit {
			page.Next = base64.RawURLEncoding.EncodeToString(from)
			return page, nil
		}
		seen++
		from = it.Item().KeyCopy(nil)
		u, err := get(txn, from, func() string { return fmt.Sprintf("user under key %q", from) }, decodeUser)
		if err != nil {
			d.log.Error("a user can't be listed", zap.Error(err))
			continue
		}
		page.Users = append(page.Users, u)
	}
	return page, nil
}
