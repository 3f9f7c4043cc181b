// Package rotation knows which master keys a store needs, and re-seals records of old keys with
// the newest key.
//
// A key is given up only when nothing in the store is sealed with it. A server that lacks one of the keys refuses to start, and says which.
//
// # How it knows
//
// The store keeps a list of the keys that may have sealed something: each is put there
// before it first seals. So at start it is enough to compare that list with the keys
// that are given. Only when one of the list is missing are the records looked through,
// and then it is refused, or struck off the list.
package rotation

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
)

// keyCheck is the record by which a store knows its master keys: something sealed.
const keyCheck = "key check"

// Store is what a Keeper needs of the store.
type Store interface {
	Meta(ctx context.Context, name string) ([]byte, error)
	UpdateMeta(ctx context.Context, name string, fn func(old []byte) ([]byte, error)) error
	Everyone(ctx context.Context, after string, limit int) (store.UserPage, error)
	Update(ctx context.Context, key store.UserKey, fn func(tx store.Tx) error) error
	Record(ctx context.Context, events ...store.Event) error
}

// Keeper looks after the master keys of one open store. Safe for concurrent use.
type Keeper struct {
	store Store
	log   *zap.Logger
	clock func() time.Time

	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu       sync.Mutex // guards what follows
	sealing  map[keys.ID]int
	progress Progress
}

// New returns the keeper of a store. Close it before the store.
func New(st Store, log *zap.Logger, clock func() time.Time) *Keeper {
	k := &Keeper{store: st, log: log, clock: clock, sealing: make(map[keys.ID]int)}
	k.ctx, k.stop = context.WithCancel(context.Background())
	return k
}

// Close ends a rotation that is under way; it goes on at the next start.
func (k *Keeper) Close() {
	k.stop()
	k.work.Wait()
}

// inUse is the record store.MetaKeys.
type inUse struct {
	Keys []string `json:"keys"`
}

// KeysIn reads the IDs out of the record store.MetaKeys; none are in an empty one.
func KeysIn(raw []byte) ([]string, error) {
	var list inUse
	if len(raw) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%w: record %q: %w", store.ErrCorrupt, store.MetaKeys, err)
	}
	return list.Keys, nil
}
