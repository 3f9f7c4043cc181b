package badger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	engine "github.com/dgraph-io/badger/v4"

	"github.com/secondgate/secondgate/internal/store"
)

// auditBase is the record of the newest entry that was pruned.
const auditBase = "audit base"

// LastEntry implements store.Store.
func (d *DB) LastEntry(ctx context.Context) (e store.Entry, err error) {
	err = d.view(ctx, func(txn *engine.Txn) error {
		e, err = lastEntry(txn)
		return err
	})
	return e, err
}

// BaseEntry implements store.Store.
func (d *DB) BaseEntry(ctx context.Context) (e store.Entry, err error) {
	err = d.view(ctx, func(txn *engine.Txn) error {
		e, err = baseEntry(txn)
		return err
	})
	return e, err
}

// lastEntry reads the end of the chain, from behind.
func lastEntry(txn *engine.Txn) (store.Entry, error) {
	it := txn.NewIterator(engine.IteratorOptions{Reverse: true})
	defer it.Close()
	it.Seek([]byte{kindEntry, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	if !it.ValidForPrefix([]byte{kindEntry}) {
		return baseEntry(txn)
	}
	return getEntry(txn, seqOf(it.Item().Key()))
}

func baseEntry(txn *engine.Txn) (store.Entry, error) {
	content, err := getMeta(txn, auditBase)
	if err != nil {
		return store.Entry{}, err
	}
	return decodeEntry([]byte(auditBase), content)
}

// seqOf reads the number that ends a key.
func seqOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[len(key)-8:]) }

// Entries implements store.Store. It looks at a bounded number of entries for a page.
func (d *DB) Entries(ctx context.Context, q store.EntryQuery) (page store.EntryPage, err error) {
	if q.Limit < 1 || q.Limit > 1000 {
		return page, fmt.Errorf("listing the audit log: a page of %d, want 1 to 1000", q.Limit)
	}
	if q.User != "" && q.Realm == "" {
		return page, errors.New("listing the audit log: a user without a realm")
	}
	var after uint64
	if q.After != "" {
		if after, err = strconv.ParseUint(q.After, 10, 64); err != nil || after == 0 {
			return page, errors.New("listing the audit log: the cursor is not one of a previous page")
		}
	}
	err = d.view(ctx, func(txn *engine.Txn) error {
		page, err = d.entries(ctx, txn, q, after)
		return err
	})
	return page, err
}

func (d *DB) entries(ctx context.Context, txn *engine.Txn, q store.EntryQuery, after uint64) (page store.EntryPage, err error) {
	prefix := []byte{kindEntry}
	if q.User != "" {
		prefix = keyOf(kindByUser, q.Realm, q.User)
	}
	it := txn.NewIterator(engine.IteratorOptions{Reverse: q.Newest})
	defer it.Close()
	budget := 4*q.Limit + 1000
	for it.Seek(entryStart(prefix, q, after)); it.ValidForPrefix(prefix); it.Next() {
		if err := ctx.Err(); err != nil {
			return store.EntryPage{}, err
		}
		if len(page.Entries) == q.Limit || budget == 0 {
			page.Next = strconv.FormatUint(after, 10)
			return page, nil
		}
		budget--
		after = seqOf(it.Item().Key())
		e, err := getEntry(txn, after)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return store.EntryPage{}, err
		}
		if matches(q, &e) {
			page.Entries = append(page.Entries, e)
		}
	}
	return page, nil
}

// entryStart is the key behind the cursor, or the first one.
func entryStart(prefix []byte, q store.EntryQuery, after uint64) []byte {
	seq := uint64(0)
	switch {
	case q.Newest && q.After == "":
		seq = ^uint64(0)
	case q.Newest:
		seq = after - 1
	case q.After != "":
		seq = after + 1
	}
	return binary.BigEndian.AppendUint64(append([]byte{}, prefix...), seq)
}

func matches(q store.EntryQuery, e *store.Entry) bool {
	switch {
	case q.Realm != "" && e.Event.Realm != q.Realm, q.User != "" && e.Event.User != q.User:
		return false
	case !q.From.IsZero() && e.Event.At.Before(q.From), !q.To.IsZero() && !e.Event.At.Before(q.To):
		return false
	}
	return true
}

// PruneEntries implements store.Store.
func (d *DB) PruneEntries(ctx context.Context, before time.Time, limit int) (n int, err error) {
	leave, err := d.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer leave()
	err = d.write(ctx, func(txn *engine.Txn) error {
		n, err = d.prune(txn, before, limit)
		return err
	})
	return n, err
}

func (d *DB) prune(txn *engine.Txn, before time.Time, limit int) (n int, err error) {
	var base store.Entry
	it := txn.NewIterator(engine.IteratorOptions{Prefix: []byte{kindEntry}})
	defer it.Close()
	for it.Rewind(); it.Valid() && n < limit; it.Next() {
		e, err := getEntry(txn, seqOf(it.Item().Key()))
		if err != nil {
			return 0, err
		}
		if !e.Event.At.Before(before) {
			break
		}
		if err := txn.Delete(entryKey(e.Seq)); err != nil {
			return 0, engineError(err)
		}
		if e.Event.User != "" {
			if err := txn.Delete(byUserKey(&e)); err != nil {
				return 0, engineError(err)
			}
		}
		base = e
		n++
	}
	if n == 0 {
		return 0, nil
	}
	base.Raw = nil
	key := keyOf(kindMeta, auditBase)
	return n, d.set(txn, key, encodeMeta(key, encodeEntry([]byte(auditBase), &base)), time.Time{})
}
