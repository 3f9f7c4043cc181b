package badger

import (
	"strings"

	engine "github.com/dgraph-io/badger/v4"
)

// entries starts a walk through a phase, behind a tail.
func (l *listing) entries(p phase, after string) *walk {
	tail := ""
	if l.prefix != "" {
		tail = string(appendEscaped(nil, head(l.prefix)))
	}
	from := tail
	switch {
	case p.descending && after != "":
		from = min(beyond(tail), after)
	case p.descending:
		from = beyond(tail)
	case after != "":
		from = max(tail, after+"\x00") // the least tail behind it
	}
	w := &walk{descending: p.descending}
	for _, status := range p.statuses {
		start := string(indexStart(p.kind, l.q.Realm, status))
		it := l.txn.NewIterator(engine.IteratorOptions{Prefix: []byte(start + tail), Reverse: p.descending})
		it.Seek([]byte(start + from))
		b := branch{it, len(start)}
		if p.descending && it.Valid() && string(b.tail()) == after {
			it.Next()
		}
		w.branches = append(w.branches, b)
	}
	return w
}

// beyond is behind all tails that begin with these bytes: no part has more of its first
// bytes than partLimit that could be 0xff.
func beyond(tail string) string { return tail + strings.Repeat("\xff", partLimit+1) }

// walk merges the entries of several statuses in the order of their tails.
type walk struct {
	branches   []branch
	descending bool
}

type branch struct {
	it    *engine.Iterator
	start int // length of what comes before the tail
}

func (b branch) tail() []byte { return b.it.Item().Key()[b.start:] }

// first is the branch whose entry comes next, nil at the end.
func (w *walk) first() *branch {
	var first *branch
	for i := range w.branches {
		b := &w.branches[i]
		if b.it.Valid() && (first == nil || w.before(b, first)) {
			first = b
		}
	}
	return first
}

func (w *walk) before(a, b *branch) bool {
	if w.descending {
		return string(a.tail()) > string(b.tail())
	}
	return string(a.tail()) < string(b.tail())
}

func (w *walk) valid() bool  { return w.first() != nil }
func (w *walk) next()        { w.first().it.Next() }
func (w *walk) key() []byte  { return w.first().it.Item().Key() }
func (w *walk) tail() []byte { return w.first().tail() }

func (w *walk) close() {
	for _, b := range w.branches {
		b.it.Close()
	}
}
