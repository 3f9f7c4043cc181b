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

// Target is where an engine makes a store of a backup's records. Load keeps visits
// that are dead tokens and no others; Commit puts the store in its place, and until
// then there is nothing. Discard after Commit does nothing.
type Target interface {
	Load(ctx context.Context, next func() (store.Raw, error), amend func(u *store.User)) (store.Store, store.Loaded, error)
	Commit() error
	Discard() error
}

// Options say how to restore.
type Options struct {
	// Ring are the master keys, Engine is the target's.
	Ring   *keys.Ring
	Engine string
	// KeepBackupCodes lets those of the backup count, used or not.
	KeepBackupCodes bool
	Logger          *zap.Logger
	Clock           func() time.Time
}

// Restored says what was restored.
type Restored struct {
	Header Header
	store.Loaded
}

// Restore makes a store of a backup, or changes nothing and says why. The whole of it
// is read, and held against the master keys, before anything is put in its place.
func Restore(ctx context.Context, to Target, b *Reader, o Options) (done Restored, err error) {
	defer func() { err = errors.Join(err, to.Discard()) }()
	done.Header = b.Header
	if b.Header.Engine != o.Engine {
		return done, fmt.Errorf("the backup is of the storage engine %q; name that one under `storage`, this is %q", b.Header.Engine, o.Engine)
	}
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

// fits is a first look at the keys, before anything is written.
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

// conclude holds the keys against the records, and writes down what happened.
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
