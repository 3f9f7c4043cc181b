package records

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

// auditBase is the record of the newest entry that was pruned.
const auditBase = "audit base"

// LastEntry implements store.Store.
func (d *DB) LastEntry(ctx context.Context) (store.Entry, error) { return view(ctx, d, lastEntry) }

// BaseEntry implements store.Store.
func (d *DB) BaseEntry(ctx context.Context) (store.Entry, error) { return view(ctx, d, baseEntry) }

// lastEntry reads the end of the chain. An entry that the scan shows and the transaction does
// not was appended meanwhile.
func lastEntry(r kv.Reader) (store.Entry, error) {
	scan := keysOf(kindEntry)
	scan.Reverse = true
	key, err := first(r, scan)
	if err != nil {
		return store.Entry{}, err
	}
	if key == nil {
		return baseEntry(r)
	}
	e, err := getEntry(r, seqOf(key))
	if errors.Is(err, store.ErrNotFound) {
		err = kv.ErrConflict
	}
	return e, err
}

func baseEntry(r kv.Reader) (store.Entry, error) {
	content, err := getMeta(r, auditBase)
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
	return view(ctx, d, func(r kv.Reader) (store.EntryPage, error) { return entries(r, q, after) })
}

func entries(r kv.Reader, q store.EntryQuery, after uint64) (page store.EntryPage, err error) {
	budget := 4*q.Limit + 1000
	for found, err := range r.Scan(entryRange(q, after)) {
		if err != nil {
			return store.EntryPage{}, err
		}
		if len(page.Entries) == q.Limit || budget == 0 {
			page.Next = strconv.FormatUint(after, 10)
			return page, nil
		}
		budget--
		after = seqOf(found.Key)
		e, err := getEntry(r, after)
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

// entryRange are the keys of the entries, or of a user's, behind the cursor.
func entryRange(q store.EntryQuery, after uint64) kv.Range {
	prefix := []byte{kindEntry}
	if q.User != "" {
		prefix = keyOf(kindByUser, q.Realm, q.User)
	}
	scan := kv.Prefix(prefix)
	scan.KeysOnly, scan.Reverse, scan.Size = true, q.Newest, q.Limit
	switch {
	case q.After == "":
	case q.Newest:
		scan.To = binary.BigEndian.AppendUint64(bytes.Clone(prefix), after)
	default:
		scan.From = binary.BigEndian.AppendUint64(bytes.Clone(prefix), after+1)
	}
	return scan
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
	err = d.engine.Update(ctx, subjectChain, func(w kv.Tx) error {
		n, err = d.prune(w, before, limit)
		return err
	})
	return n, err
}

func (d *DB) prune(w kv.Tx, before time.Time, limit int) (n int, err error) {
	var base store.Entry
	scan := keysOf(kindEntry)
	scan.Size = limit
	for found, err := range w.Scan(scan) {
		if err != nil {
			return 0, err
		}
		if n == limit {
			break
		}
		e, err := getEntry(w, seqOf(found.Key))
		if err != nil {
			return 0, err
		}
		if !e.Event.At.Before(before) {
			break
		}
		w.Delete(entryKey(e.Seq))
		if e.Event.User != "" {
			w.Delete(byUserKey(&e))
		}
		base = e
		n++
	}
	if n == 0 {
		return 0, nil
	}
	base.Raw = nil
	d.setMeta(w, auditBase, entryForm.encode([]byte(auditBase), &base))
	return n, nil
}
