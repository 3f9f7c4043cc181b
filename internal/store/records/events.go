package records

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

// Record implements store.Tx. It writes under a key of its own, so that events never
// make transactions of different users wait for each other, as the chain's end would.
func (t *tx) Record(e store.Event) error { return t.fail(t.db.record(t, e)) }

// Record implements store.Store.
func (d *DB) Record(ctx context.Context, events ...store.Event) error {
	return d.engine.Update(ctx, "", func(w kv.Tx) error {
		for _, e := range events {
			if err := d.record(w, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (d *DB) record(w kv.Tx, e store.Event) error {
	raw, err := store.MarshalEvent(e)
	if err != nil {
		return err
	}
	key := binary.BigEndian.AppendUint64([]byte{kindPending}, d.stamp())
	// A clock that was set back must not make one event take another's place.
	key = append(key, make([]byte, 8)...)
	rand.Read(key[9:])
	d.set(w, key, metaForm.encode(key, &raw), time.Time{})
	return nil
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

// subjectChain is what transactions lock that change the chain of the audit log.
var subjectChain = string([]byte{kindEntry})

// Settle implements store.Store. A pending event that can't be read is logged and dropped.
// Otherwise it would block all later events.
func (d *DB) Settle(ctx context.Context, limit int, fn func(store.Entry, [][]byte) (store.Settled, error)) (n int, err error) {
	pending, err := view(ctx, d, func(r kv.Reader) (int, error) { return count(r, keysOf(kindPending), 1) })
	if pending == 0 || err != nil { // a transaction would write nothing
		return 0, err
	}
	err = d.engine.Update(ctx, subjectChain, func(w kv.Tx) error {
		keys, pending, err := d.pending(w, limit)
		if err != nil {
			return err
		}
		n = len(keys)
		for _, key := range keys {
			w.Delete(key)
		}
		if len(pending) == 0 {
			return nil
		}
		last, err := lastEntry(w)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		settled, err := fn(last, pending)
		if err != nil {
			return err
		}
		if err := d.append(w, last, settled.Entries); err != nil {
			return err
		}
		return d.queueMails(w, settled.Mails)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// pending reads the oldest pending events. One that the scan shows and the transaction does
// not is newer than the transaction, and waits for the next settling.
func (d *DB) pending(w kv.Tx, limit int) (keys, pending [][]byte, err error) {
	scan := keysOf(kindPending)
	scan.Size = limit
	for found, err := range w.Scan(scan) {
		if err != nil {
			return nil, nil, err
		}
		if len(keys) == limit {
			break
		}
		key := bytes.Clone(found.Key)
		raw, err := get(w, key, func() string { return "a pending event" }, metaForm.decode)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		keys = append(keys, key)
		if err != nil {
			d.log.Error("an event can't be read and is not in the audit log", zap.Error(err))
			continue
		}
		pending = append(pending, raw)
	}
	return keys, pending, nil
}

// append writes entries that follow each other and the last one. Another process that has
// appended meanwhile is a conflict.
func (d *DB) append(w kv.Tx, last store.Entry, entries []store.Entry) error {
	for _, e := range entries {
		if e.Seq != last.Seq+1 || e.Prev != last.Hash {
			return fmt.Errorf("entry %d does not follow entry %d of the audit log", e.Seq, last.Seq)
		}
		key := entryKey(e.Seq)
		if _, err := w.Get(key); !errors.Is(err, store.ErrNotFound) {
			return cmp.Or(err, kv.ErrConflict)
		}
		d.set(w, key, entryForm.encode(key, &e), time.Time{})
		if e.Event.User != "" {
			d.set(w, byUserKey(&e), nil, time.Time{})
		}
		last = e
	}
	return nil
}

func entryKey(seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{kindEntry}, seq) }

func byUserKey(e *store.Entry) []byte {
	return binary.BigEndian.AppendUint64(keyOf(kindByUser, e.Event.Realm, e.Event.User), e.Seq)
}

func decodeEntry(key, record []byte) (store.Entry, error) {
	e, err := entryForm.decode(key, record)
	if err == nil && e.Raw != nil {
		e.Event, err = store.UnmarshalEvent(e.Raw)
	}
	return e, err
}

func getEntry(r kv.Reader, seq uint64) (store.Entry, error) {
	return get(r, entryKey(seq), func() string { return fmt.Sprintf("entry %d of the audit log", seq) }, decodeEntry)
}
