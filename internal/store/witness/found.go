package witness

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Reader is what this package reads of a store.
type Reader interface {
	Meta(ctx context.Context, name string) ([]byte, error)
	LastEntry(ctx context.Context) (store.Entry, error)
	Entries(ctx context.Context, q store.EntryQuery) (store.EntryPage, error)
	CountUsers(ctx context.Context, realm string) (store.UserCount, error)
	Settle(ctx context.Context, limit int, fn func(last store.Entry, pending [][]byte) (store.Settled, error)) (int, error)
}

// Find reads what an open store says of itself. sealed reports whether it was made with a
// master key.
func Find(ctx context.Context, st Reader, place string, sealed bool, known Known) (f Found, err error) {
	f.Place = place
	if f.Store, err = metaText(ctx, st, store.MetaID); err != nil {
		return f, err
	}
	f.Empty = f.Store == "" && !sealed
	if f.Restored, err = restored(ctx, st); err != nil {
		return f, err
	}
	if f.Head, err = head(ctx, st); err != nil {
		return f, err
	}
	if w := known.Of(f.Store); w != nil {
		f.At, err = hashAt(ctx, st, w.Head.Seq)
	}
	return f, err
}

func metaText(ctx context.Context, st Reader, name string) (string, error) {
	raw, err := st.Meta(ctx, name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("reading the store's record %q: %w", name, err)
	}
	return string(raw), nil
}

func restored(ctx context.Context, st Reader) (at time.Time, err error) {
	text, err := metaText(ctx, st, store.MetaRestored)
	if err != nil || text == "" {
		return at, err
	}
	if at, err = time.Parse(time.RFC3339Nano, text); err != nil {
		return at, fmt.Errorf("%w: record %q", store.ErrCorrupt, store.MetaRestored)
	}
	return at, nil
}

func head(ctx context.Context, st Reader) (Head, error) {
	last, err := st.LastEntry(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return Head{}, nil
	}
	if err != nil {
		return Head{}, fmt.Errorf("reading the head of the audit log: %w", err)
	}
	return Head{last.Seq, hex.EncodeToString(last.Hash[:])}, nil
}

// hashAt is the hash of an entry. It is empty if the entry was pruned or can't be read,
// which says nothing of the history before it.
func hashAt(ctx context.Context, st Reader, seq uint64) (string, error) {
	if seq == 0 {
		return "", nil
	}
	page, err := st.Entries(ctx, store.EntryQuery{After: after(seq - 1), Limit: 1})
	if err != nil && !errors.Is(err, store.ErrCorrupt) {
		return "", fmt.Errorf("reading entry %d of the audit log: %w", seq, err)
	}
	if len(page.Entries) == 0 || page.Entries[0].Seq != seq {
		return "", nil
	}
	return hex.EncodeToString(page.Entries[0].Hash[:]), nil
}

// after is the cursor behind an entry.
func after(seq uint64) string {
	if seq == 0 {
		return ""
	}
	return strconv.FormatUint(seq, 10)
}

// activating are the events that change how many users have a second factor.
var activating = map[string]bool{
	store.EventEnrolled: true, store.EventImported: true, store.EventDisabled: true, store.EventStaffReset: true,
}

// maxNew bounds how many entries are looked at for whether the users are to be counted.
const maxNew = 1000

// activated reports whether a number of users may have changed behind an entry. An entry
// that can't be read may have changed it.
func activated(ctx context.Context, st Reader, seq uint64) (bool, error) {
	page, err := st.Entries(ctx, store.EntryQuery{After: after(seq), Limit: maxNew})
	if errors.Is(err, store.ErrCorrupt) {
		return true, nil
	}
	if err != nil {
		return true, err
	}
	changes := slices.ContainsFunc(page.Entries, func(e store.Entry) bool { return activating[e.Event.Kind] })
	return changes || page.Next != "", nil
}

// errPeek aborts the transaction in which pending events are looked at.
var errPeek = errors.New("only looking")

// maxPending bounds how many pending events are looked at.
const maxPending = 10000

// Explained counts the events behind an entry that turned a second factor off, by realm,
// those included that are still pending.
func Explained(ctx context.Context, st Reader, seq uint64) (map[string]int, error) {
	n := make(map[string]int)
	count := func(e store.Event) {
		if e.Kind == store.EventDisabled || e.Kind == store.EventStaffReset {
			n[e.Realm]++
		}
	}
	// Pending events come first: one that is settled meanwhile counts twice, and not never.
	_, err := st.Settle(ctx, maxPending, func(_ store.Entry, pending [][]byte) (store.Settled, error) {
		for _, raw := range pending {
			if e, err := store.UnmarshalEvent(raw); err == nil {
				count(e)
			}
		}
		return store.Settled{}, errPeek
	})
	if err != nil && !errors.Is(err, errPeek) {
		return nil, fmt.Errorf("reading pending events: %w", err)
	}
	for q := (store.EntryQuery{After: after(seq), Limit: 1000}); ; {
		page, err := st.Entries(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		for i := range page.Entries {
			count(page.Entries[i].Event)
		}
		if q.After = page.Next; q.After == "" {
			return n, nil
		}
	}
}
