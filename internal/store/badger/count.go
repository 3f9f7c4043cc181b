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

// Realms implements store.Store. It goes from the first entry of one realm in the index by
// name to the first of the next.
func (d *DB) Realms(ctx context.Context) (realms []string, err error) {
	err = d.view(ctx, func(txn *engine.Txn) error {
		it := txn.NewIterator(engine.IteratorOptions{Prefix: []byte{kindByName}})
		defer it.Close()
		for it.Seek([]byte{kindByName}); it.Valid(); {
			key := it.Item().KeyCopy(nil)[1:]
			part := key[:partLen(key)]
			realms = append(realms, unescaped(part))
			if ctx.Err() != nil {
				return ctx.Err()
			}
			it.Seek(append(append([]byte{kindByName}, part...), 0xff)) // behind every status
		}
		return nil
	})
	return realms, err
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
