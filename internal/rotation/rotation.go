// Package rotation finds out which master keys a store needs, and reseals records of old keys
// with the newest key. The server calls [Keeper.Admit] when it loads a configuration; the
// admin API calls [Keeper.List] and [Keeper.Start] for the commands `keys list` and
// `keys rotate`.
//
// A key can be removed only if nothing in the store is sealed with it. A server that lacks a
// needed key refuses to start, and names the key.
//
// # The list of keys
//
// The store has a list of the keys that may have sealed something (store.MetaKeys). Each key
// is added before it first seals. At the start it is therefore enough to compare the list
// with the keys given. Only if a key of the list is missing, all records are read: if one
// needs the key, the start is refused, else the key is removed from the list.
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

// keyCheck is the record with a known text that is sealed with a master key. A ring that
// can't open it is another store's.
const keyCheck = "key check"

// Store is what a Keeper needs of the store.
type Store interface {
	Meta(ctx context.Context, name string) ([]byte, error)
	UpdateMeta(ctx context.Context, name string, fn func(old []byte) ([]byte, error)) error
	Everyone(ctx context.Context, after string, limit int) (store.UserPage, error)
	Update(ctx context.Context, key store.UserKey, fn func(tx store.Tx) error) error
	Record(ctx context.Context, events ...store.Event) error
}

// Keeper checks and rotates the master keys of one open store. Safe for concurrent use.
type Keeper struct {
	store Store
	log   *zap.Logger
	clock func() time.Time

	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup

	mu       sync.Mutex      // guards the fields below
	sealing  map[keys.ID]int // number of running configurations that seal with each key
	progress Progress
}

// New returns the keeper of a store. Close it before the store.
func New(st Store, log *zap.Logger, clock func() time.Time) *Keeper {
	k := &Keeper{store: st, log: log, clock: clock, sealing: make(map[keys.ID]int)}
	k.ctx, k.stop = context.WithCancel(context.Background())
	return k
}

// Close stops a running rotation and waits for it. Resume continues it after the next start.
func (k *Keeper) Close() {
	k.stop()
	k.work.Wait()
}

// inUse is the content of the record store.MetaKeys.
type inUse struct {
	Keys []string `json:"keys"`
}

// KeysIn returns the key IDs in the record store.MetaKeys. An empty record has none.
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
