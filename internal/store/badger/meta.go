package badger

import (
	"context"
	"errors"
	"fmt"
	"time"

	engine "github.com/dgraph-io/badger/v4"

	"github.com/secondgate/secondgate/internal/store"
)

// Meta implements store.Store.
func (d *DB) Meta(ctx context.Context, name string) (content []byte, err error) {
	err = d.view(ctx, func(txn *engine.Txn) error {
		content, err = getMeta(txn, name)
		return err
	})
	return content, err
}

// UpdateMeta implements store.Store.
func (d *DB) UpdateMeta(ctx context.Context, name string, fn func(old []byte) ([]byte, error)) error {
	leave, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return d.write(ctx, func(txn *engine.Txn) error {
		old, err := getMeta(txn, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		content, err := fn(old)
		if err != nil {
			return err
		}
		key := keyOf(kindMeta, name)
		return d.set(txn, key, encodeMeta(key, content), time.Time{})
	})
}

func getMeta(txn *engine.Txn, name string) ([]byte, error) {
	what := func() string { return fmt.Sprintf("record %q", brief(name)) }
	return get(txn, keyOf(kindMeta, name), what, decodeMeta)
}

// Check implements store.Store by writing a record of its own. Damage that was found when
// the store was opened is reported too.
func (d *DB) Check(ctx context.Context) error {
	leave, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if d.damage != nil {
		return d.damage
	}
	return d.write(ctx, func(txn *engine.Txn) error {
		key := []byte{kindCheck}
		return d.set(txn, key, encodeTime(key, d.clock()), time.Time{})
	})
}
