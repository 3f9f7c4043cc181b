package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"go.uber.org/zap"
)

// ErrContested says that two servers use copies of one store, or a store each for one realm.
var ErrContested = errors.New("another server uses a copy of the store, or another store for one of its realms: what users set up at one server is unknown at the other")

// compare reads the witnesses before the store's own is overwritten. If the store's witness is
// not the one that this keeper wrote last, another server uses a copy of the store. The witness
// is then marked as contested and no longer renewed, so that neither copy starts again.
func (k *Keeper) compare(ctx context.Context) error {
	known, err := Load(ctx, k.storage)
	if err != nil {
		return err
	}
	k.tellRival(known)
	if k.file == nil {
		return nil
	}
	there, err := k.storage.Load(ctx, keyOf(k.now.Store))
	if errors.Is(err, fs.ErrNotExist) || err == nil && bytes.Equal(there, k.file) {
		return nil
	}
	if err != nil {
		return err
	}
	other := Unmarshal(there)
	if other.Place == k.now.Place && other.Host == k.now.Host && !other.Signed.After(k.now.Signed) {
		return nil // an earlier one of this keeper, from a storage that lags behind
	}
	return k.contest(ctx, other)
}

// contest marks the witness, which another server has written.
func (k *Keeper) contest(ctx context.Context, other Witness) error {
	if other.Contested == "" {
		marked := k.now
		marked.Signed, marked.Contested = k.clock().UTC(), other.where()
		file, err := Marshal(marked, k.ring)
		if err != nil {
			return err
		}
		if err := k.storage.Store(ctx, keyOf(marked.Store), file); err != nil {
			return err
		}
	}
	k.taken = true
	k.change(func(s *State) { s.Contested = fmt.Errorf("%w (%s)", ErrContested, other.where()) })
	k.log.Error("another server uses a copy of this store, with the same storage of Caddy's: users who set up their second factor there are let in by their password alone here; stop one of the servers; neither copy starts again before it is known which one counts",
		zap.String("other", other.where()), zap.String("store", k.now.Store))
	return nil
}

// tellRival logs that another store has more users of one of the realms, as a start does.
func (k *Keeper) tellRival(known Known) {
	for realm := range k.realms {
		other := known.rival(k.now.Store, realm, k.now.Activated[realm]+1)
		if other == nil {
			continue
		}
		if k.State().Contested == nil {
			k.log.Error("another store has users of this realm, who are let in by their password alone here: stop one of the servers; the next start with this store is refused",
				zap.String("realm", realm), zap.String("other", other.where()), zap.String("store", other.Store))
		}
		k.change(func(s *State) {
			s.Contested = fmt.Errorf("%w (realm %q, store %s in %s)", ErrContested, realm, other.Store, other.where())
		})
		return
	}
	k.change(func(s *State) { s.Contested = nil })
}

// where describes the place of the witness's store for operators.
func (w *Witness) where() string {
	switch {
	case w.Place == "":
		return "an unknown place"
	case w.Host == "":
		return w.Place
	}
	return w.Place + " on " + w.Host
}
