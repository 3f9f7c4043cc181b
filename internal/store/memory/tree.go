package memory

import (
	"hash/maphash"

	"github.com/secondgate/secondgate/internal/store/kv"
)

// node is the root of an immutable treap: ordered by key, and a heap by priority, which is a
// hash of the key, so that its depth is logarithmic. A change copies the path to it, and earlier
// roots stay what they were; nil is the empty tree.
type node struct {
	key         string
	record      *kv.Record
	priority    uint64
	left, right *node
}

var seed = maphash.MakeSeed()

func (n *node) get(key string) *kv.Record {
	for n != nil && n.key != key {
		if key < n.key {
			n = n.left
		} else {
			n = n.right
		}
	}
	if n == nil {
		return nil
	}
	return n.record
}

// put returns a tree with record under key, or without the key if record is nil.
func (n *node) put(key string, record *kv.Record) *node {
	less, rest := n.split(key)
	_, more := rest.split(key + "\x00")
	if record == nil {
		return join(less, more)
	}
	one := &node{key: key, record: record, priority: maphash.String(seed, key)}
	return join(join(less, one), more)
}

// split returns the trees of the keys below key and of the others.
func (n *node) split(key string) (less, rest *node) {
	if n == nil {
		return nil, nil
	}
	top := *n
	if n.key < key {
		top.right, rest = n.right.split(key)
		return &top, rest
	}
	less, top.left = n.left.split(key)
	return less, &top
}

// join makes one tree of two; every key of a is below every key of b.
func join(a, b *node) *node {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.priority > b.priority:
		top := *a
		top.right = join(a.right, b)
		return &top
	}
	top := *b
	top.left = join(a, b.left)
	return &top
}

// walk calls yield for the records of a range, in order, while it returns true.
func (n *node) walk(r kv.Range, yield func(*kv.Record) bool) bool {
	if n == nil {
		return true
	}
	above, below := n.key >= string(r.From), r.To == nil || n.key < string(r.To)
	first, second, firstIn, secondIn := n.left, n.right, above, below
	if r.Reverse {
		first, second, firstIn, secondIn = n.right, n.left, below, above
	}
	if firstIn && !first.walk(r, yield) {
		return false
	}
	if above && below && !yield(n.record) {
		return false
	}
	return !secondIn || second.walk(r, yield)
}
