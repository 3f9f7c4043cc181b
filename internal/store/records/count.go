package records

import (
	"bytes"
	"context"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

// keysOf selects the keys of all records of a kind.
func keysOf(kind byte) kv.Range {
	scan := kv.Prefix([]byte{kind})
	scan.KeysOnly = true
	return scan
}

// CountUsers implements store.Store. It reads keys only: every user has one entry in the
// index by name.
func (d *DB) CountUsers(ctx context.Context, realm string) (n store.UserCount, err error) {
	err = d.engine.View(ctx, func(r kv.Reader) error {
		if n.Activated, err = countEntries(r, realm, statusOn); err != nil {
			return err
		}
		n.NotActivated, err = countEntries(r, realm, statusOff)
		return err
	})
	return n, err
}

func countEntries(r kv.Reader, realm string, status byte) (int, error) {
	scan := kv.Prefix(indexStart(kindByName, realm, status))
	scan.KeysOnly = true
	return count(r, scan, 0)
}

// count counts what a scan finds, no further than limit; 0 is no limit.
func count(r kv.Reader, scan kv.Range, limit int) (n int, err error) {
	for _, err := range r.Scan(scan) {
		if err != nil {
			return 0, err
		}
		if n++; n == limit {
			break
		}
	}
	return n, nil
}

// first returns the first key that a scan finds, nil if there is none.
func first(r kv.Reader, scan kv.Range) (key []byte, err error) {
	scan.KeysOnly, scan.Size = true, 1
	for found, err := range r.Scan(scan) {
		return bytes.Clone(found.Key), err
	}
	return nil, nil
}

// Realms implements store.Store. It goes from the first entry of one realm in the index by
// name to the first of the next.
func (d *DB) Realms(ctx context.Context) (realms []string, err error) {
	err = d.engine.View(ctx, func(r kv.Reader) error {
		for scan := keysOf(kindByName); ; {
			key, err := first(r, scan)
			if err != nil || key == nil {
				return err
			}
			part := key[1 : 1+partLen(key[1:])]
			realms = append(realms, unescaped(part))
			scan.From = append(key[:1+len(part):1+len(part)], 0xff) // behind every status
		}
	})
	return realms, err
}
