package backup_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/backup"
	"github.com/secondgate/secondgate/internal/store"
)

// failingAfter is a store of which all updates fail after a number of them.
type failingAfter struct {
	store.Store
	left, done atomic.Int64
}

func (f *failingAfter) Update(ctx context.Context, key store.UserKey, fn func(tx store.Tx) error) error {
	if f.left.Add(-1) < 0 {
		return errors.New("the disk is full")
	}
	f.done.Add(1)
	return f.Store.Update(ctx, key, fn)
}

// TestVoid: Void invalidates everything that may have been used, for all users. A Void that was
// interrupted continues where it stopped.
func TestVoid(t *testing.T) {
	const users = 1500
	h := newFixture(t, users)
	f := &failingAfter{Store: h.store}
	f.left.Store(1200) // into the second page
	since := now.Add(-time.Minute)
	if _, err := backup.Void(t.Context(), f, since, now); err == nil {
		t.Fatal("no error where the store fails")
	}
	if _, err := h.store.Meta(t.Context(), store.MetaRestored); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("called restored, though it is not done: %v", err)
	}
	f.left.Store(users)
	f.done.Store(0)
	n, err := backup.Void(t.Context(), f, since, now)
	if err != nil || n >= users || f.done.Load() != int64(n) {
		t.Errorf("went on with %d users, %d updates, %v; want those of the second page", n, f.done.Load(), err)
	}
	for i := range users {
		u, err := h.store.User(t.Context(), person(i))
		if err != nil {
			t.Fatal(err)
		}
		visits, err := h.store.Visits(t.Context(), person(i))
		if err != nil || len(visits) > 0 || u.Recovery != nil || len(u.Backup.Hashes) > 0 || !u.Spent.Closed || !u.SessionsEnded.Equal(now) || u.TOTP.Floor == 7 || !u.Activated() {
			t.Fatalf("%s: %d visits, %+v, %v", u.Key.ID, len(visits), u, err)
		}
	}
	if at, err := h.store.Meta(t.Context(), store.MetaRestored); err != nil || len(at) == 0 {
		t.Errorf("restored is %q, %v", at, err)
	}
	if n, err := backup.Void(t.Context(), h.store, now, now); err != nil || n != users {
		t.Errorf("another one: %d users, %v", n, err)
	}
}
