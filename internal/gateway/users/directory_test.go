package users

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
)

// counting counts transactions.
type counting struct {
	store.Store
	updates int
	err     error
}

func (c *counting) Update(ctx context.Context, key store.UserKey, fn func(store.Tx) error) error {
	if c.err != nil {
		return c.err
	}
	c.updates++
	return c.Store.Update(ctx, key, fn)
}

// TestRecord: a user is written when whoami names the user for the first time, and when the
// portal has another name or address for the user; a record keeps what an answer does not
// say, and its factor.
func TestRecord(t *testing.T) {
	engine, err := badger.Open(t.TempDir(), badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	st := &counting{Store: engine}
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	d := Directory{Realm: "shop", Store: st, Clock: func() time.Time { return now }}
	for _, tt := range []struct {
		when        string
		user        string
		name, email string
		wantName    string
		wantEmail   string
		updates     int
	}{
		{"the first time", "7", "Alice", "", "Alice", "", 1},
		{"again", "7", "Alice", "", "Alice", "", 1},
		{"with an address", "7", "Alice", "alice@example.com", "Alice", "alice@example.com", 2},
		{"without a name", "7", "", "", "Alice", "alice@example.com", 2},
		{"with another name", "7", "Alice B", "", "Alice B", "alice@example.com", 3},
		{"another user", "8", "", "", "", "", 4},
	} {
		now = now.Add(time.Hour)
		got, err := d.Record(t.Context(), &portal.Answer{Kind: gate.User, User: tt.user, Name: tt.name, Email: tt.email})
		if err != nil || got.Name != tt.wantName || got.Email != tt.wantEmail || st.updates != tt.updates {
			t.Errorf("%s: %+v, %d transactions, %v", tt.when, got, st.updates, err)
		}
	}
	seen, err := engine.User(t.Context(), store.UserKey{Realm: "shop", ID: "7"})
	if err != nil || !seen.FirstSeen.Equal(time.Date(2026, 11, 30, 13, 0, 0, 0, time.UTC)) {
		t.Errorf("first seen %v, %v", seen.FirstSeen, err)
	}
}

// TestJ8_EndedInTheFuture: a clock that was ahead when a user's sessions were ended keeps
// the user out no longer than until it is right again.
func TestJ8_EndedInTheFuture(t *testing.T) {
	st, err := badger.Open(t.TempDir(), badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	d := Directory{Realm: "shop", Store: st, Clock: func() time.Time { return now }}
	key := store.UserKey{Realm: "shop", ID: "7"}
	for ahead, want := range map[time.Duration]time.Time{-time.Hour: now.Add(-time.Hour), time.Second: now.Add(time.Second), time.Hour: now} {
		err := st.Update(t.Context(), key, func(tx store.Tx) error {
			return tx.PutUser(store.User{Key: key, Name: "Alice", SessionsEnded: now.Add(ahead)})
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Record(t.Context(), &portal.Answer{Kind: gate.User, User: "7", Name: "Alice"})
		if err != nil || !got.SessionsEnded.Equal(want) {
			t.Errorf("%v ahead: %v, %v; want %v", ahead, got.SessionsEnded, err, want)
		}
	}
}

// TestRecord_StoreFails: a store that fails is an error, never a user without a factor.
func TestRecord_StoreFails(t *testing.T) {
	failed := errors.New("read only")
	engine, err := badger.Open(t.TempDir(), badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	d := Directory{Realm: "shop", Store: &counting{Store: engine, err: failed}, Clock: time.Now}
	if _, err := d.Record(t.Context(), &portal.Answer{Kind: gate.User, User: "7"}); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
}
