package badger

import (
	"context"

	engine "github.com/dgraph-io/badger/v4"

	"github.com/secondgate/secondgate/internal/store"
)

// CountUsers implements store.Store. It reads keys only: every user has one entry in the
// index by name.
func (d *DB) CountUsers(ctx context.Context, realm string) (n store.UserCount, err error) {
	err = d.view(ctx, func(txn *engine.Txn) error {
		if n.Activated, err = countEntries(ctx, txn, indexStart(kindByName, realm, statusOn)); err != nil {
			return err
		}
		n.NotActivated, err = countEntries(ctx, txn, indexStart(kindByName, realm, statusOff))
		return err
	})
	return n, err
}

func countEntries(ctx context.Context, txn *engine.Txn, prefix []byte) (n int, err error) {
	it := txn.NewIterator(engine.IteratorOptions{Prefix: prefix})
	defer it.Close()
	for it.Seek(prefix); it.Valid(); it.Next() {
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
	}
	return n, nil
}
