package rotation

import (
	"context"
	"slices"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/keys"
)

// page is how many users are read at once.
const page = 500

// Key says what a master key is needed for.
type Key struct {
	ID string `json:"id"`
	// Newest seals everything new.
	Newest bool `json:"newest"`
	// Records is how many are sealed with it.
	Records int `json:"records"`
	// Removable keys may be taken out of the key file.
	Removable bool `json:"removable"`
}

// List looks through all records and tells what the keys are needed for, newest first.
func (k *Keeper) List(ctx context.Context, ring *keys.Ring) ([]Key, error) {
	records, err := k.count(ctx)
	if err != nil {
		return nil, err
	}
	var list []Key
	for i, id := range ring.IDs() {
		_, sealing := k.seals([]string{id.String()})
		n := records[id]
		list = append(list, Key{ID: id.String(), Newest: i == 0, Records: n, Removable: i > 0 && n == 0 && !sealing})
	}
	return list, nil
}

// count says how many records are sealed with each key.
func (k *Keeper) count(ctx context.Context) (map[keys.ID]int, error) {
	records := make(map[keys.ID]int)
	raw, err := k.meta(ctx, keyCheck)
	if err != nil {
		return nil, err
	}
	if id, err := keys.KeyOf(raw); err == nil {
		records[id]++
	}
	err = k.each(ctx, func(id keys.ID, _ person) error { records[id]++; return nil })
	return records, err
}

// each gives fn every user that has something sealed, and the oldest of its keys by
// the given order.
func (k *Keeper) each(ctx context.Context, fn func(id keys.ID, p person) error) error {
	for after := ""; ; {
		users, err := k.store.Everyone(ctx, after, page)
		if err != nil {
			return err
		}
		for i := range users.Users {
			ids, err := factor.SealedWith(&users.Users[i])
			if err != nil {
				continue // nothing opens it, and no key is missing for it
			}
			for _, id := range slices.Compact(ids) {
				if err := fn(id, users.Users[i].Key); err != nil {
					return err
				}
			}
		}
		if after = users.Next; after == "" {
			return nil
		}
	}
}
