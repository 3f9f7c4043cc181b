package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Reader has the methods of the store that read the chain.
type Reader interface {
	BaseEntry(ctx context.Context) (store.Entry, error)
	Entries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error)
}

// Head identifies an entry by its number and hash. The server logs the head of the chain every
// minute.
type Head struct {
	Seq  uint64
	Hash [32]byte
}

// String returns the head in the format of ParseHead.
func (h Head) String() string { return fmt.Sprintf("%d:%x", h.Seq, h.Hash) }

// MarshalText returns the same as String.
func (h Head) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText parses a head with ParseHead.
func (h *Head) UnmarshalText(text []byte) (err error) {
	*h, err = ParseHead(string(text))
	return err
}

// ParseHead parses a head of the form SEQ:HASH, such as 42:9f86d0….
func ParseHead(s string) (Head, error) {
	seq, hash, _ := strings.Cut(s, ":")
	n, err := strconv.ParseUint(seq, 10, 64)
	raw, broken := hex.DecodeString(hash)
	if err != nil || broken != nil || n == 0 || len(raw) != 32 {
		return Head{}, fmt.Errorf("%q is no head of an audit log: want SEQ:HASH, as the server's log shows them under \"audit log head\": a number and 64 hexadecimal digits", s)
	}
	return Head{n, [32]byte(raw)}, nil
}

// Report is the result of a verification.
type Report struct {
	// Entries is the number of the entries that were verified, First to Last.
	Entries int    `json:"entries"`
	First   uint64 `json:"first,omitempty"`
	Last    uint64 `json:"last,omitempty"`
	// Oldest is the time of the event of entry First.
	Oldest time.Time `json:"oldest,omitzero"`
	// Base is the last entry that was pruned, or nil if none was.
	Base *Head `json:"base,omitempty"`
	// Head is the last entry of the chain, or nil if the chain is empty.
	Head *Head `json:"head,omitempty"`
	// Broken describes the first fault; it is empty if the chain is valid.
	Broken string `json:"broken,omitempty"`
	// At is the number of the first wrong entry, or 0 if no entry is known to be wrong.
	At uint64 `json:"at,omitempty"`
}

// OK reports whether the chain is valid.
func (r *Report) OK() bool { return r.Broken == "" }

func (r *Report) breaks(at uint64, format string, args ...any) {
	if r.OK() {
		r.At, r.Broken = at, fmt.Sprintf(format, args...)
	}
}

// verifier verifies a chain, entry by entry.
type verifier struct {
	Report
	last store.Entry
	want []Head
}

func newVerifier(base store.Entry, want []Head) *verifier {
	v := &verifier{last: base, want: want}
	if base.Seq > 0 {
		v.Base = &Head{base.Seq, base.Hash}
		v.meets(base)
	}
	return v
}

// next verifies e as the entry after last. It returns false if e is wrong.
func (v *verifier) next(e store.Entry) bool {
	switch {
	case e.Seq != v.last.Seq+1:
		v.breaks(v.last.Seq+1, "entry %d is missing: entry %d comes after entry %d", v.last.Seq+1, e.Seq, v.last.Seq)
	case e.Prev != v.last.Hash:
		v.breaks(e.Seq, "entry %d does not follow entry %d: it was made after another one, so one of the two was changed", e.Seq, v.last.Seq)
	case e.Hash != Hash(e):
		v.breaks(e.Seq, "entry %d was changed: its hash does not match its content", e.Seq)
	}
	if !v.OK() {
		return false
	}
	if v.Entries == 0 {
		v.First, v.Oldest = e.Seq, e.Event.At
	}
	v.Entries++
	v.Last, v.last = e.Seq, e
	v.meets(e)
	return v.OK()
}

// meets compares an entry with the heads that the operator gave.
func (v *verifier) meets(e store.Entry) {
	for _, h := range v.want {
		if h.Seq == e.Seq && h.Hash != e.Hash {
			v.breaks(e.Seq, "entry %d is not the one that was the head then: the log was rewritten from there or from before it", e.Seq)
		}
	}
}

// end completes the report after the last entry.
func (v *verifier) end() Report {
	if v.last.Seq > 0 {
		v.Head = &Head{v.last.Seq, v.last.Hash}
	}
	for _, h := range v.want {
		switch {
		case h.Seq > v.last.Seq:
			v.breaks(v.last.Seq+1, "the end is missing: the log ends with entry %[2]d, but had an entry %[1]d", h.Seq, v.last.Seq)
		case v.Base != nil && h.Seq < v.Base.Seq:
			v.breaks(0, "entry %d can't be compared: entries up to %d were removed after the time `keep`; use a newer head", h.Seq, v.Base.Seq)
		}
	}
	return v.Report
}

// Verify verifies the chain in the store from the oldest entry that was not pruned to its
// head, and reports the first wrong entry. With heads that were logged earlier it also detects
// a chain with its end cut off, or one that was rewritten. It returns an error if the store
// can't be read; a broken chain is part of the report.
func Verify(ctx context.Context, st Reader, heads ...Head) (Report, error) {
	base, err := base(ctx, st)
	if err != nil {
		return Report{}, err
	}
	v := newVerifier(base, heads)
	err = walk(ctx, st, base.Seq, func(e store.Entry) (bool, error) {
		if e.Seq > v.last.Seq+1 {
			if err := v.pruned(ctx, st); err != nil {
				return false, err
			}
		}
		return v.next(e), nil
	})
	if errors.Is(err, store.ErrCorrupt) {
		v.breaks(v.last.Seq+1, "%v", err)
		err = nil
	}
	return v.end(), err
}

// pruned continues after the last pruned entry, for entries that were pruned while Verify was
// running.
func (v *verifier) pruned(ctx context.Context, st Reader) error {
	now, err := base(ctx, st)
	if err == nil && now.Seq > v.last.Seq {
		v.last, v.Base = now, &Head{now.Seq, now.Hash}
	}
	return err
}

func base(ctx context.Context, st Reader) (store.Entry, error) {
	e, err := st.BaseEntry(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return store.Entry{}, nil
	}
	return e, err
}

// pageSize is the number of entries that one read of the store returns.
const pageSize = 500

// walk calls fn for each entry after the number after, until fn returns false. If an entry
// can't be read, walk calls fn for all entries before it and returns the error.
func walk(ctx context.Context, st Reader, after uint64, fn func(store.Entry) (bool, error)) error {
	q := store.EntryQuery{Limit: pageSize}
	if after > 0 {
		q.After = strconv.FormatUint(after, 10)
	}
	for {
		page, err := st.Entries(ctx, q)
		if errors.Is(err, store.ErrCorrupt) && q.Limit > 1 {
			q.Limit = 1
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if more, err := fn(e); err != nil || !more {
				return err
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}
