package rotation

import (
	"bytes"
	"context"
	"slices"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/keys"
)

// page is the number of users that are read at once.
const page = 500

// Key says what a master key is needed for.
type Key struct {
	ID string `json:"id"`
	// Newest says that new records are sealed with it.
	Newest bool `json:"newest"`
	// Records is the number of records that are sealed with it.
	Records int `json:"records"`
	// Removable keys may be taken out of the key file.
	Removable bool `json:"removable"`
}

// List reads all records and returns what each key of the ring is needed for, newest first.
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

// count returns the number of records that are sealed with each key.
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

// each calls fn for every user who has sealed values, once for each key that they are sealed
// with. (Equal keys that are not adjacent in factor.SealedWith's list repeat the call.)
func (k *Keeper) each(ctx context.Context, fn func(id keys.ID, p person) error) error {
	for after := ""; ; {
		users, err := k.store.Everyone(ctx, after, page)
		if err != nil {
			return err
		}
		for i := range users.Users {
			ids, err := factor.SealedWith(&users.Users[i])
			if err != nil {
				continue // the value names no key, so no key would open it
			}
			// Compact drops neighbours only. A record with three sealed values may have 1, 2, 1.
			slices.SortFunc(ids, func(a, b keys.ID) int { return bytes.Compare(a[:], b[:]) })
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
