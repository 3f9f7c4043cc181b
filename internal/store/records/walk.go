package records

import (
	"iter"

	"github.com/secondgate/secondgate/internal/store/kv"
)

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
