package rotation

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
)

// ErrWrongKeys says that none of the keys opens what the store was made with.
var ErrWrongKeys = errors.New("none of them is the one that this store was made with: restore the right keys, or name another storage directory (nothing was changed)")

// Sealed reports whether the store was made with some key.
func (k *Keeper) Sealed(ctx context.Context) (bool, error) {
	raw, err := k.meta(ctx, keyCheck)
	return raw != nil, err
}

// Opens checks that the keys open the store's key check. It changes nothing. It does not
// look at the users' records; see Fits.
func (k *Keeper) Opens(ctx context.Context, ring *keys.Ring) error {
	raw, err := k.meta(ctx, keyCheck)
	if err != nil {
		return err
	}
	return opens(ring, raw)
}

// Fits checks, as Admit does, that no key is missing that a record needs. It changes nothing.
// Every ring fits a new store.
func (k *Keeper) Fits(ctx context.Context, ring *keys.Ring) error {
	sealed, err := k.meta(ctx, keyCheck)
	if err != nil || sealed == nil {
		return err
	}
	if err := opens(ring, sealed); err != nil {
		return err
	}
	known, err := k.known(ctx)
	if err != nil {
		return err
	}
	_, err = k.gone(ctx, known, ring)
	return err
}

// opens checks that the keys open the record keyCheck.
func opens(ring *keys.Ring, sealed []byte) error {
	if _, err := ring.Open(sealed, keyCheck); err != nil {
		return ErrWrongKeys
	}
	return nil
}

// Admit must be called before a configuration seals with the ring. It checks that no key is
// missing that a record needs, writes the key check of a new store, and updates the list of
// keys. Until release is called, the newest key counts as in use and can't be removed. If
// Admit returns an error, it names the missing key and nothing was changed.
func (k *Keeper) Admit(ctx context.Context, ring *keys.Ring) (release func(), err error) {
	if err := k.check(ctx, ring); err != nil {
		return nil, err
	}
	known, err := k.known(ctx)
	if err != nil {
		return nil, err
	}
	gone, err := k.gone(ctx, known, ring)
	if err != nil {
		return nil, err
	}
	if err := k.name(ctx); err != nil {
		return nil, err
	}
	if err := k.note(ctx, ring.Newest().String(), gone); err != nil {
		return nil, err
	}
	return k.seal(ring.Newest()), nil
}

// check opens the record keyCheck, or writes it if the store is new.
func (k *Keeper) check(ctx context.Context, ring *keys.Ring) error {
	old, err := k.meta(ctx, keyCheck)
	if err != nil {
		return err
	}
	if old != nil {
		return opens(ring, old)
	}
	return k.store.UpdateMeta(ctx, keyCheck, func(old []byte) ([]byte, error) {
		if old != nil {
			return old, opens(ring, old)
		}
		return ring.Seal([]byte("secondgate"), keyCheck), nil
	})
}

// known returns the IDs of the keys that may have sealed something, from the store's list. If
// the store has no list yet, it reads all records.
func (k *Keeper) known(ctx context.Context) ([]string, error) {
	raw, err := k.meta(ctx, store.MetaKeys)
	if err != nil {
		return nil, err
	}
	if len(raw) > 0 {
		return KeysIn(raw)
	}
	records, err := k.count(ctx)
	if err != nil {
		return nil, err
	}
	var list []string
	for id := range records {
		list = append(list, id.String())
	}
	return list, nil
}

// gone returns the known keys that are missing from the ring. It returns an error if a record
// is still sealed with one of them, or a running configuration still seals with it.
func (k *Keeper) gone(ctx context.Context, known []string, ring *keys.Ring) ([]string, error) {
	var missing []string
	for _, id := range known {
		if !slices.ContainsFunc(ring.IDs(), func(r keys.ID) bool { return r.String() == id }) {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	records, err := k.count(ctx)
	if err != nil {
		return nil, err
	}
	for id, n := range records {
		if slices.Contains(missing, id.String()) {
			return nil, fmt.Errorf("the master key %s is not among them, and %d records of this store are sealed with it: put it back below the newest key, run `secondgate keys rotate`, and remove it when `secondgate keys list` says that it can be removed (nothing was changed)", id, n)
		}
	}
	if id, used := k.seals(missing); used {
		return nil, fmt.Errorf("the master key %s is not among them, and the configuration that runs now still seals with it: put it back below the newest key, reload, and remove it then (nothing was changed)", id)
	}
	return missing, nil
}

// note adds the newest key to the store's list and removes the keys in gone. The newest key
// must be on the list before it seals anything.
func (k *Keeper) note(ctx context.Context, newest string, gone []string) error {
	var added bool
	raw, err := k.meta(ctx, store.MetaKeys)
	if err != nil {
		return err
	}
	if list, err := KeysIn(raw); err == nil && len(gone) == 0 && slices.Contains(list, newest) {
		return nil
	}
	first := len(raw) == 0
	known, err := k.known(ctx)
	if err != nil {
		return err
	}
	err = k.store.UpdateMeta(ctx, store.MetaKeys, func(old []byte) ([]byte, error) {
		list, err := KeysIn(old)
		if err != nil {
			return nil, err
		}
		if len(old) == 0 {
			list = known
		}
		list = slices.DeleteFunc(list, func(id string) bool { return slices.Contains(gone, id) })
		if added = !slices.Contains(list, newest); added {
			list = append(list, newest)
		}
		slices.Sort(list)
		return json.Marshal(inUse{list})
	})
	if err != nil {
		return err
	}
	return k.tell(ctx, newest, added && !first, gone)
}

// tell records events for the keys that were added to and removed from the list.
func (k *Keeper) tell(ctx context.Context, newest string, added bool, gone []string) error {
	var events []store.Event
	for _, id := range gone {
		events = append(events, store.Event{At: k.clock(), Kind: store.EventKeyRemoved, Detail: map[string]string{"key": id}})
	}
	if added {
		events = append(events, store.Event{At: k.clock(), Kind: store.EventKeyAdded, Detail: map[string]string{"key": newest}})
	}
	if len(events) == 0 {
		return nil
	}
	return k.store.Record(ctx, events...)
}

// name gives a new store its random name (store.MetaID).
func (k *Keeper) name(ctx context.Context) error {
	if old, err := k.meta(ctx, store.MetaID); old != nil || err != nil {
		return err
	}
	return k.store.UpdateMeta(ctx, store.MetaID, func(old []byte) ([]byte, error) {
		if old != nil {
			return old, nil
		}
		id := make([]byte, 8)
		rand.Read(id)
		return []byte(hex.EncodeToString(id)), nil
	})
}

// seal counts a configuration that seals with a key, until release is called.
func (k *Keeper) seal(id keys.ID) (release func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sealing[id]++
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.sealing[id]--; k.sealing[id] == 0 {
			delete(k.sealing, id)
		}
	}
}

// seals returns one of these keys with which a running configuration seals, if there is one.
func (k *Keeper) seals(ids []string) (keys.ID, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id := range k.sealing {
		if slices.Contains(ids, id.String()) {
			return id, true
		}
	}
	return keys.ID{}, false
}

// meta returns nil where there is no such record.
func (k *Keeper) meta(ctx context.Context, name string) ([]byte, error) {
	raw, err := k.store.Meta(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return raw, err
}
