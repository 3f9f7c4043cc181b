package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/rotation"
	"github.com/secondgate/secondgate/internal/store"
)

// Target makes a store from a backup's records. Each storage engine implements it. Load
// writes the records into a new store, calls amend for each user, and keeps of the visits
// only the revoked tokens. Commit puts the new store in its final place; before that there
// is no store there. Discard removes the new store; after Commit it does nothing.
type Target interface {
	Load(ctx context.Context, next func() (store.Raw, error), amend func(u *store.User)) (store.Store, store.Loaded, error)
	Commit() error
	Discard() error
}

// Options say how to restore.
type Options struct {
	// Ring are the master keys.
	Ring *keys.Ring
	// KeepBackupCodes keeps the backup codes of the backup valid, although they may have
	// been used since.
	KeepBackupCodes bool
	Logger          *zap.Logger
	Clock           func() time.Time
}

// Restored describes what was restored.
type Restored struct {
	Header Header
	store.Loaded
}

// Restore makes a store from a backup, or changes nothing and returns an error. All records
// are read, and checked against the master keys, before the store is put in its place.
func Restore(ctx context.Context, to Target, b *Reader, o Options) (done Restored, err error) {
	defer func() { err = errors.Join(err, to.Discard()) }()
	done.Header = b.Header
	if err := fits(b.Header, o.Ring); err != nil {
		return done, err
	}
	now := o.Clock().UTC()
	amend := func(u *store.User) { factor.Restored(u, now, o.KeepBackupCodes) }
	st, loaded, err := to.Load(ctx, b.Next, amend)
	if err != nil {
		return done, err
	}
	done.Loaded = loaded
	if err := conclude(ctx, st, b.Header, now, o); err != nil {
		return done, err
	}
	return done, to.Commit()
}

// fits checks that one of the ring's keys is among those of the header, before anything is
// written. conclude checks the keys against the records.
func fits(h Header, ring *keys.Ring) error {
	for _, id := range ring.IDs() {
		if len(h.Keys) == 0 || slices.Contains(h.Keys, id.String()) {
			return nil
		}
	}
	return fmt.Errorf("the master keys given (%s) are not those of the backup (%s): put the key file back that belongs to it (nothing was changed)", list(ring), strings.Join(h.Keys, ", "))
}

func list(ring *keys.Ring) string {
	var ids []string
	for _, id := range ring.IDs() {
		ids = append(ids, id.String())
	}
	return strings.Join(ids, ", ")
}

// conclude checks that the master keys open the restored records, and records the restore in
// the store and its audit log.
func conclude(ctx context.Context, st store.Store, h Header, now time.Time, o Options) error {
	keeper := rotation.New(st, o.Logger, o.Clock)
	defer keeper.Close()
	release, err := keeper.Admit(ctx, o.Ring)
	if err != nil {
		return fmt.Errorf("the master keys: %w", err)
	}
	release()
	if err := noteRestored(ctx, st, now); err != nil {
		return err
	}
	codes := "void"
	if o.KeepBackupCodes {
		codes = "kept"
	}
	return st.Record(ctx, store.Event{At: now, Kind: store.EventRestored, Detail: map[string]string{
		"made": h.Made.Format(time.RFC3339), "store": h.Store, "backup_codes": codes,
	}})
}
