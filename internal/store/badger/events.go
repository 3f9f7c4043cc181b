package badger

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	engine "github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// Record implements store.Tx. It writes under a key of its own, so that events never
// make transactions of different users wait for each other, as the chain's end would.
func (t *tx) Record(e store.Event) error { return t.fail(t.db.record(t.txn, e)) }

// Record implements store.Store.
func (d *DB) Record(ctx context.Context, events ...store.Event) error {
	leave, err := d.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return d.write(ctx, func(txn *engine.Txn) error {
		for _, e := range events {
			if err := d.record(txn, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *DB) record(txn *engine.Txn, e store.Event) error {
	raw, err := store.MarshalEvent(e)
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64([]byte{kindPending}, d.stamp())
	// A clock that was set back must not make one event take another's place.
	key = append(key, make([]byte, 8)...)
	rand.Read(key[9:])
	return d.set(txn, key, encodeMeta(key, raw), time.Time{})
}

// stamp is the time in microseconds, and later than every stamp before it, so that
// events keep their order.
func (d *DB) stamp() uint64 {
	for {
		last := d.stamped.Load()
		next := max(last+1, uint64(d.clock().UnixMicro()))
		if d.stamped.CompareAndSwap(last, next) {
			return next
		}
	}
}

// Settle implements store.Store. A pending event that can't be read is logged and
// dropped: it must not hold up all others for ever.
func (d *DB) Settle(ctx context.Context, limit int, fn func(store.Entry, [][]byte) (store.Settled, error)) (n int, err error) {
	leave, err := d.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	if none, err := d.nothingPending(); none || err != nil {
		return 0, err
	}
	err = d.write(ctx, func(txn *engine.Txn) error {
		keys, pending := d.pending(txn, limit)
		n = len(keys)
		for _, key := range keys {
			if err := txn.Delete(key); err != nil {
				return engineError(err)
			}
		}
		if len(pending) == 0 {
			return nil
		}
		last, err := lastEntry(txn)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		settled, err := fn(last, pending)
		if err != nil {
			return err
		}
		if err := d.append(txn, last, settled.Entries); err != nil {
			return err
		}
		return d.queueMails(txn, settled.Mails)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// nothingPending spares a settling that would write nothing a transaction.
func (d *DB) nothingPending() (none bool, err error) {
	err = d.db.View(func(txn *engine.Txn) error {
		it := txn.NewIterator(engine.IteratorOptions{Prefix: []byte{kindPending}})
		defer it.Close()
		it.Rewind()
		none = !it.Valid()
		return nil
	})
	return none, err
}

func (d *DB) pending(txn *engine.Txn, limit int) (keys, pending [][]byte) {
	it := txn.NewIterator(engine.IteratorOptions{Prefix: []byte{kindPending}, PrefetchValues: true, PrefetchSize: limit})
	defer it.Close()
	for it.Rewind(); it.Valid() && len(keys) < limit; it.Next() {
		key := it.Item().KeyCopy(nil)
		keys = append(keys, key)
		raw, err := get(txn, key, func() string { return "a pending event" }, decodeMeta)
		if err != nil {
			d.log.Error("an event can't be read and is not in the audit log", zap.Error(err))
			continue
		}
		pending = append(pending, raw)
	}
	return keys, pending
}

// append writes entries that follow each other and the last one.
func (d *DB) append(txn *engine.Txn, last store.Entry, entries []store.Entry) error {
	for _, e := range entries {
		if e.Seq != last.Seq+1 || e.Prev != last.Hash {
			return fmt.Errorf("entry %d does not follow entry %d of the audit log", e.Seq, last.Seq)
		}
		key := entryKey(e.Seq)
		if err := d.set(txn, key, encodeEntry(key, &e), time.Time{}); err != nil {
			return err
		}
		if e.Event.User != "" {
			if err := d.set(txn, byUserKey(&e), nil, time.Time{}); err != nil {
				return err
			}
		}
		last = e
	}
	return nil
}

func entryKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{kindEntry}, seq) }

func byUserKey(e *store.Entry) []byte {
	return binary.BigEndian.AppendUint64(keyOf(kindByUser, e.Event.Realm, e.Event.User), e.Seq)
}

func encodeEntry(key []byte, entry *store.Entry) []byte {
	e := newEncoder(len(entry.Raw) + 96)
	e.int(int64(entry.Seq))
	e.bytes(entry.Prev[:])
	e.bytes(entry.Hash[:])
	e.bytes(entry.Raw)
	return e.seal(key)
}

func decodeEntry(key, record []byte) (store.Entry, error) {
	var entry store.Entry
	d, err := openRecord(key, record)
	if err != nil {
		return entry, err
	}
	entry.Seq = uint64(d.int())
	copy(entry.Prev[:], d.field())
	copy(entry.Hash[:], d.field())
	entry.Raw = d.bytes()
	if err := d.finish(); err != nil || entry.Raw == nil {
		return entry, err
	}
	entry.Event, err = store.UnmarshalEvent(entry.Raw)
	return entry, err
}

func getEntry(txn *engine.Txn, seq uint64) (store.Entry, error) {
	return get(txn, entryKey(seq), func() string { return fmt.Sprintf("entry %d of the audit log", seq) }, decodeEntry)
}
