package badger

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	engine "github.com/dgraph-io/badger/v4"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// User implements store.Store.
func (d *DB) User(ctx context.Context, key store.UserKey) (u store.User, err error) {
	err = d.view(ctx, func(txn *engine.Txn) error {
		u, err = getUser(txn, key)
		return err
	})
	return u, err
}

// Users implements store.Store. A record that can't be read is logged and left out.
func (d *DB) Users(ctx context.Context, q store.UserQuery) (page store.UserPage, err error) {
	if q.Limit < 1 || q.Limit > 1000 {
		return page, fmt.Errorf("listing users: a page of %d, want 1 to 1000", q.Limit)
	}
	at, err := parseCursor(q.After)
	if err != nil {
		return page, fmt.Errorf("listing users: %w", err)
	}
	err = d.view(ctx, func(txn *engine.Txn) error {
		l := listing{db: d, txn: txn, ctx: ctx, q: q, prefix: strings.ToLower(q.Prefix)}
		page, err = l.page(at)
		return err
	})
	return page, err
}

// cursor is a place in the listing: behind the index entry of that kind that ends
// with these parts. Users take it as an opaque string.
type cursor struct {
	kind byte
	tail string
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{c.kind}, c.tail...))
}

func parseCursor(s string) (cursor, error) {
	if s == "" {
		return cursor{kind: kindByName}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) < 2 || b[0] != kindByName && b[0] != kindByID {
		return cursor{}, errors.New("the cursor is not one of a previous page")
	}
	return cursor{b[0], string(b[1:])}, nil
}

// listing collects one page.
type listing struct {
	db     *DB
	txn    *engine.Txn
	ctx    context.Context
	q      store.UserQuery
	prefix string // lower case
}

// page walks the index by name and then, with a prefix, the one by id. It looks at
// a bounded number of entries, so that a prefix which very many names and ids
// share can't make one page cost what all of them cost.
func (l *listing) page(at cursor) (page store.UserPage, err error) {
	budget := 4*l.q.Limit + 1000
	for _, kind := range []byte{kindByName, kindByID} {
		if kind == kindByID && l.prefix == "" || kind == kindByName && at.kind == kindByID {
			continue
		}
		after := ""
		if kind == at.kind {
			after = at.tail
		}
		it := l.entries(kind, after)
		defer it.close()
		for ; it.valid(); it.next() {
			if err := l.ctx.Err(); err != nil {
				return store.UserPage{}, err
			}
			u, ok := l.user(kind, it.key())
			if ok && len(page.Users) == l.q.Limit || budget == 0 {
				page.Next = at.String()
				return page, nil
			}
			budget--
			at = cursor{kind, string(it.tail())}
			if ok {
				page.Users = append(page.Users, u)
			}
		}
	}
	return page, nil
}

// user reads the user of an index entry and reports whether it belongs to the
// listing here. Entries are never believed, only looked up.
func (l *listing) user(kind byte, entry []byte) (store.User, bool) {
	tail := entry[len(indexStart(kind, l.q.Realm, statusOn)):]
	key := append(keyOf(kindUser, l.q.Realm), tail[partLen(tail):]...)
	what := func() string { return fmt.Sprintf("user under key %q", key) }
	u, err := get(l.txn, key, what, decodeUser)
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			l.db.log.Error("a user can't be listed", zap.Error(err))
		}
		return u, false
	}
	if string(indexEntry(kind, &u)) != string(entry) {
		return u, false
	}
	byName := strings.HasPrefix(term(kindByName, &u), l.prefix)
	if kind == kindByName {
		return u, byName
	}
	return u, !byName && strings.HasPrefix(term(kindByID, &u), l.prefix)
}

// entries starts a walk through the entries of one kind after a tail.
func (l *listing) entries(kind byte, after string) *walk {
	statuses := []byte{statusOff, statusOn}
	switch l.q.Status {
	case store.Activated:
		statuses = []byte{statusOn}
	case store.NotActivated:
		statuses = []byte{statusOff}
	}
	tail := string(appendEscaped(nil, head(l.prefix)))
	from := tail
	if after != "" {
		from = max(tail, after+"\x00") // the least tail behind it
	}
	w := new(walk)
	for _, status := range statuses {
		start := string(indexStart(kind, l.q.Realm, status))
		it := l.txn.NewIterator(engine.IteratorOptions{Prefix: []byte(start + tail)})
		it.Seek([]byte(start + from))
		w.branches = append(w.branches, branch{it, len(start)})
	}
	return w
}

// walk merges the entries of several statuses in the order of their tails.
type walk struct{ branches []branch }

type branch struct {
	it    *engine.Iterator
	start int // length of what comes before the tail
}

func (b branch) tail() []byte { return b.it.Item().Key()[b.start:] }

// least is the branch whose entry comes next, nil at the end.
func (w *walk) least() *branch {
	var least *branch
	for i := range w.branches {
		b := &w.branches[i]
		if b.it.Valid() && (least == nil || string(b.tail()) < string(least.tail())) {
			least = b
		}
	}
	return least
}

func (w *walk) valid() bool  { return w.least() != nil }
func (w *walk) next()        { w.least().it.Next() }
func (w *walk) key() []byte  { return w.least().it.Item().Key() }
func (w *walk) tail() []byte { return w.least().tail() }

func (w *walk) close() {
	for _, b := range w.branches {
		b.it.Close()
	}
}
