package records

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

// User implements store.Store.
func (d *DB) User(ctx context.Context, key store.UserKey) (store.User, error) {
	return view(ctx, d, func(r kv.Reader) (store.User, error) { return d.getUser(r, key) })
}

// Users implements store.Store. A record that can't be read is logged and left out.
func (d *DB) Users(ctx context.Context, q store.UserQuery) (page store.UserPage, err error) {
	if q.Limit < 1 || q.Limit > 1000 {
		return page, fmt.Errorf("listing users: a page of %d, want 1 to 1000", q.Limit)
	}
	if (q.Sort != store.ByName || q.Status == store.Throttled) && !d.indexed.Load() {
		return page, fmt.Errorf("listing users: %w", store.ErrNotReady)
	}
	l := listing{db: d, q: q, prefix: strings.ToLower(q.Prefix)}
	if l.phases, err = phases(q); err != nil {
		return page, fmt.Errorf("listing users: %w", err)
	}
	at, err := l.parseCursor(q.After)
	if err != nil {
		return page, fmt.Errorf("listing users: %w", err)
	}
	return view(ctx, d, func(r kv.Reader) (store.UserPage, error) {
		l.r = r
		return l.page(at)
	})
}

// phase is a part of a listing: the entries of one index that have these statuses.
type phase struct {
	kind       byte
	statuses   []byte
	descending bool
}

// phases are the parts of a listing, in their order.
func phases(q store.UserQuery) ([]phase, error) {
	if kind := timed[q.Sort]; kind != 0 {
		if q.Prefix != "" {
			return nil, errors.New("a search can't be sorted by a time")
		}
		return timedPhases(kind, q), nil
	}
	kinds := []byte{kindByName, kindByID, kindByEmail}
	if q.Sort == store.ByID {
		kinds[0], kinds[1] = kindByID, kindByName
	}
	if q.Prefix == "" {
		kinds = kinds[:1]
	}
	var all []phase
	for _, kind := range kinds {
		all = append(all, phase{kind, statuses(q.Status), q.Descending})
	}
	return all, nil
}

// timedPhases put those who have no times last, by name, whatever the direction.
func timedPhases(kind byte, q store.UserQuery) (all []phase) {
	for _, status := range []byte{statusOn, statusThrottled} {
		if slices.Contains(statuses(q.Status), status) {
			all = append(all, phase{kind, []byte{status}, q.Descending})
		}
	}
	if slices.Contains(statuses(q.Status), statusOff) {
		all = append(all, phase{kind: kindByName, statuses: []byte{statusOff}})
	}
	return all
}

// statuses are what the entries of those who have a status are found under.
func statuses(s store.Status) []byte {
	switch s {
	case store.Activated:
		return []byte{statusOn}
	case store.NotActivated:
		return []byte{statusOff}
	case store.Throttled:
		return []byte{statusThrottled}
	}
	return []byte{statusOff, statusOn}
}

// cursor is a place in the listing: in that phase, behind the index entry that ends
// with these parts. Users take it as an opaque string.
type cursor struct {
	phase int
	tail  string
}

// String writes the kind of index, so that a cursor is not taken for one of a listing
// in another order.
func (l *listing) cursor(c cursor) string {
	return base64.RawURLEncoding.EncodeToString(append([]byte{l.phases[c.phase].kind}, c.tail...))
}

func (l *listing) parseCursor(s string) (cursor, error) {
	if s == "" {
		return cursor{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil && len(b) > 1 {
		for i, p := range l.phases {
			if p.kind == b[0] {
				return cursor{i, string(b[1:])}, nil
			}
		}
	}
	return cursor{}, store.ErrCursor
}

// listing collects one page.
type listing struct {
	db     *DB
	r      kv.Reader
	q      store.UserQuery
	prefix string // lower case
	phases []phase
}

// page walks through the phases. It looks at a bounded number of entries, so that a
// prefix which very many names and ids share can't make one page cost what all of them
// cost.
func (l *listing) page(at cursor) (page store.UserPage, err error) {
	budget := 4*l.q.Limit + 1000
	for i := at.phase; i < len(l.phases); i++ {
		after := ""
		if i == at.phase {
			after = at.tail
		}
		for entry, err := range l.entries(l.phases[i], after) {
			if err != nil {
				return store.UserPage{}, err
			}
			u, ok := l.user(i, entry)
			if ok && len(page.Users) == l.q.Limit || budget == 0 {
				page.Next = l.cursor(at)
				return page, nil
			}
			budget--
			at = cursor{i, string(entry[l.start(l.phases[i].kind):])}
			if ok {
				page.Users = append(page.Users, u)
			}
		}
	}
	return page, nil
}

// start is where the tail of an index entry begins.
func (l *listing) start(kind byte) int { return len(indexStart(kind, l.q.Realm, statusOn)) }

// user reads the user of an index entry and reports whether it belongs to the
// listing here. Entries are never believed, only looked up.
func (l *listing) user(phase int, entry []byte) (store.User, bool) {
	kind := l.phases[phase].kind
	start := l.start(kind)
	status, tail := entry[start-1], entry[start:]
	key := append(keyOf(kindUser, l.q.Realm), tail[partLen(tail):]...)
	what := func() string { return fmt.Sprintf("user under key %q", key) }
	u, err := get(l.r, key, what, userForm.decode)
	if err != nil {
		if !errors.Is(err, store.ErrNotFound) {
			l.db.log.Error("a user can't be listed", zap.Error(err))
		}
		return u, false
	}
	if !slices.Contains(statusesOf(&u), status) || string(indexEntry(kind, status, &u)) != string(entry) {
		return u, false
	}
	return u, l.prefix == "" || l.foundFirst(phase, &u)
}

// foundFirst reports whether the phase finds the user by the prefix, and none before it.
func (l *listing) foundFirst(phase int, u *store.User) bool {
	for _, p := range l.phases[:phase] {
		if strings.HasPrefix(term(p.kind, u), l.prefix) {
			return false
		}
	}
	return strings.HasPrefix(term(l.phases[phase].kind, u), l.prefix)
}

// entries iterates over the index entries of a phase, behind a tail: those of all its statuses
// merged in the order of their tails. An entry is valid until the next step.
func (l *listing) entries(p phase, after string) iter.Seq2[[]byte, error] {
	tail := ""
	if l.prefix != "" {
		tail = string(appendEscaped(nil, head(l.prefix)))
	}
	return func(yield func([]byte, error) bool) {
		var branches []*branch
		for _, status := range p.statuses {
			b := l.branch(string(indexStart(p.kind, l.q.Realm, status)), tail, after, p.descending)
			defer b.stop()
			branches = append(branches, b)
		}
		for {
			b := nearest(branches, p.descending)
			if b == nil || !yield(b.entry, b.err) || b.err != nil {
				return
			}
			b.step()
		}
	}
}

// branch is the scan of the entries of one status, and the entry that it is at; nil at its end.
type branch struct {
	next  func() (kv.Record, error, bool)
	stop  func()
	start int // length of what comes before the tail
	entry []byte
	err   error
}

// branch scans the entries that begin with start and tail, behind start and after.
func (l *listing) branch(start, tail, after string, descending bool) *branch {
	scan := kv.Prefix([]byte(start + tail))
	scan.KeysOnly, scan.Reverse, scan.Size = true, descending, l.q.Limit
	switch {
	case after == "":
	case descending:
		scan.To = []byte(min(string(scan.To), start+after))
	default:
		scan.From = []byte(max(string(scan.From), start+after+"\x00")) // the least key behind it
	}
	b := &branch{start: len(start)}
	b.next, b.stop = iter.Pull2(l.r.Scan(scan))
	b.step()
	return b
}

func (b *branch) step() {
	found, err, ok := b.next()
	b.entry, b.err = found.Key, err
	if !ok {
		b.entry = nil
	}
}

// nearest is the branch with the next entry, nil at the end. A branch that failed is next.
func nearest(branches []*branch, descending bool) (next *branch) {
	for _, b := range branches {
		switch {
		case b.err != nil:
			return b
		case b.entry == nil:
		case next == nil, (string(b.entry[b.start:]) < string(next.entry[next.start:])) != descending:
			next = b
		}
	}
	return next
}
