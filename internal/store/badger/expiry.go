package badger

import (
	"time"

	engine "github.com/dgraph-io/badger/v4"
)

// keepOver is for how long Badger keeps what has expired. Records end by the
// store's own clock; Badger only sweeps, by the machine's. A clock that ran ahead
// and was set right again must not have cost records that still count.
const keepOver = 24 * time.Hour

// over reports whether a record with that end has expired.
func (d *DB) over(end time.Time) bool { return !d.clock().Before(end) }

// set writes a record that Badger may sweep some time after its end; a zero end is
// never.
func (d *DB) set(txn *engine.Txn, key, record []byte, end time.Time) error {
	if len(record) > maxRecord {
		return errTooLarge
	}
	e := engine.NewEntry(key, record)
	if !end.IsZero() {
		left := end.Sub(d.clock())
		e.ExpiresAt = uint64(time.Now().Add(left).Add(keepOver).Unix())
	}
	return engineError(txn.SetEntry(e))
}
