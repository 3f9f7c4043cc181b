package witness_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/witness"
)

// copied is a store of that id as a keeper reads it; entries is the length of its audit log.
type copied struct {
	id      string
	entries uint64
}

func (c *copied) Meta(_ context.Context, name string) ([]byte, error) {
	if name == store.MetaID {
		return []byte(c.id), nil
	}
	return nil, store.ErrNotFound
}

func (c *copied) LastEntry(context.Context) (store.Entry, error) {
	return store.Entry{Seq: c.entries}, nil
}

func (c *copied) Entries(context.Context, store.EntryQuery) (store.EntryPage, error) {
	return store.EntryPage{}, nil
}

func (c *copied) CountUsers(context.Context, string) (store.UserCount, error) {
	return store.UserCount{}, nil
}

func (c *copied) Settle(context.Context, int, func(store.Entry, [][]byte) (store.Settled, error)) (int, error) {
	return 0, nil
}

// keeps starts the keeper of a store.
func keeps(t *testing.T, st memory, r *keys.Ring, c *copied, place string) *witness.Keeper {
	t.Helper()
	k := witness.New(c, zap.NewNop(), clock.Now)
	if err := k.Use(t.Context(), st, r, place, nil, map[string]int{"shop": 0}); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestAttack_CopiesInUse: two servers use copies of one store. Each notices it at its next
// event, and none of the copies starts again.
func TestAttack_CopiesInUse(t *testing.T) {
	st, r := memory{}, ring(t, keys.Generate())
	one, two := &copied{"aaaa", 1}, &copied{"aaaa", 1}
	first := keeps(t, st, r, one, "/srv/one")
	one.entries++
	first.Renew(t.Context()) // its own witness is no other's
	if err := first.State().Contested; err != nil {
		t.Fatalf("alone: %v", err)
	}
	second := keeps(t, st, r, two, "/srv/two")
	one.entries++
	first.Renew(t.Context())
	marked := string(st["secondgate/witness/aaaa.json"])
	two.entries += 5
	second.Renew(t.Context())
	for what, k := range map[string]*witness.Keeper{"the first": first, "the second": second} {
		if !errors.Is(k.State().Contested, witness.ErrContested) {
			t.Errorf("%s does not notice it: %v", what, k.State().Contested)
		}
	}
	if got := string(st["secondgate/witness/aaaa.json"]); got != marked {
		t.Errorf("the mark is overwritten: %s", got)
	}
	known, err := witness.Load(t.Context(), st)
	if err != nil {
		t.Fatal(err)
	}
	known.Verify(r)
	for _, entries := range []uint64{3, 6} {
		err := witness.Judge(known, witness.Found{Store: "aaaa", Head: witness.Head{Seq: entries}})
		if err == nil || !strings.Contains(err.Error(), "one of two copies of that store that servers used at once") {
			t.Errorf("the copy with %d entries: %v", entries, err)
		}
	}
}

// TestAttack_RivalInUse: a running server notices another store with more users of its realm.
func TestAttack_RivalInUse(t *testing.T) {
	st, r := memory{}, ring(t, keys.Generate())
	c := &copied{"cccc", 1}
	k := keeps(t, st, r, c, "/srv/two")
	if err := k.State().Contested; err != nil {
		t.Fatalf("alone: %v", err)
	}
	file, err := witness.Marshal(shop(), r)
	if err != nil {
		t.Fatal(err)
	}
	st["secondgate/witness/aaaa.json"] = file
	c.entries++
	k.Renew(t.Context())
	if err := k.State().Contested; !errors.Is(err, witness.ErrContested) || !strings.Contains(err.Error(), "/srv/shop on web1") {
		t.Errorf("%v", err)
	}
}
