package witness

import (
	"context"
	"errors"
	"maps"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
)

const (
	// renewEvery is how often the witness is renewed while the audit log grows. What
	// happens between two renewals is not witnessed.
	renewEvery = 5 * time.Second
	// renewTime bounds one renewal.
	renewTime = 10 * time.Second
	// tellEvery is how often a failure that stays is logged.
	tellEvery = 10 * time.Minute
)

// Keeper renews the witness of one open store. Safe for concurrent use.
type Keeper struct {
	store Reader
	log   *zap.Logger
	clock func() time.Time

	mu      sync.Mutex // guards what follows, and one renewal against another
	storage Storage
	ring    *keys.Ring
	now     Witness
	// dirty says that something besides the head is not written yet.
	dirty   bool
	written time.Time
	err     error
	told    time.Time
	missing map[string]int
}

// New returns the keeper of a store. It does nothing before Use.
func New(st Reader, log *zap.Logger, clock func() time.Time) *Keeper {
	return &Keeper{store: st, log: log, clock: clock, missing: make(map[string]int)}
}

// Use writes the witness to this storage from now on, signed by this ring. last is the
// store's witness until now, nil if there is none; counts are the realms that a
// configuration answers for, with their activated users where last does not count them.
func (k *Keeper) Use(ctx context.Context, storage Storage, ring *keys.Ring, place string, last *Witness, counts map[string]int) error {
	f, err := Find(ctx, k.store, place, true, nil)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if last != nil && k.now.Store == "" {
		k.now.Activated, k.now.Counted = maps.Clone(last.Activated), last.Counted
	}
	if k.now.Activated == nil {
		k.now.Activated, k.now.Counted = make(map[string]int), f.Head.Seq
	}
	for realm, n := range counts {
		if _, counted := k.now.Activated[realm]; !counted {
			k.now.Activated[realm] = n
		}
	}
	k.storage, k.ring, k.dirty = storage, ring, true
	k.now.Store, k.now.Place, k.now.Restored = f.Store, place, f.Restored
	k.now.Host, _ = os.Hostname()
	k.renew(ctx)
	return nil
}

// Run renews the witness until ctx ends, and once more then.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			k.Renew(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			k.Renew(ctx)
		}
	}
}

// Renew writes the witness if anything has changed.
func (k *Keeper) Renew(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.renew(ctx)
}

func (k *Keeper) renew(ctx context.Context) {
	if k.storage == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, renewTime)
	defer cancel()
	if err := k.write(ctx); err != nil {
		k.fail(err)
		return
	}
	if k.err != nil {
		k.log.Info("the store's witness is renewed again")
	}
	k.err, k.told = nil, time.Time{}
}

func (k *Keeper) write(ctx context.Context) error {
	newest, err := head(ctx, k.store)
	if err != nil {
		return err
	}
	if newest == k.now.Head && !k.dirty && k.err == nil {
		return nil
	}
	next := k.now
	next.Head, next.Signed = newest, k.clock().UTC()
	file, err := Marshal(next, k.ring)
	if err != nil {
		return err
	}
	if err := k.storage.Store(ctx, keyOf(next.Store), file); err != nil {
		return err
	}
	k.now, k.dirty, k.written = next, false, next.Signed
	return nil
}

// fail remembers why the witness could not be renewed, and logs it now and then.
func (k *Keeper) fail(err error) {
	if errors.Is(err, store.ErrClosed) {
		return
	}
	k.err = err
	if now := k.clock(); now.Sub(k.told).Abs() >= tellEvery {
		k.told = now
		k.log.Error("the store's witness could not be renewed in Caddy's storage: a store that is lost from now on can't be told from a new one; make Caddy's storage writable", zap.Error(err))
	}
}

// Count takes the activated users of the realms, which were counted when the audit log had
// `seq` entries or more. A number that has fallen further than the audit log explains is
// reported as missing, and not taken, until it is explained.
func (k *Keeper) Count(ctx context.Context, counts map[string]int, seq uint64) error {
	k.mu.Lock()
	last := k.now.Counted
	k.mu.Unlock()
	explained, err := Explained(ctx, k.store, last)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	missing := make(map[string]int)
	for realm, n := range counts {
		if short := (Users{realm, n, explained[realm]}).Missing(&k.now); short > 0 {
			missing[realm] = short
		}
	}
	k.tellMissing(missing)
	k.missing = missing
	if len(missing) > 0 { // the counts of all realms belong to one entry
		return nil
	}
	activated := make(map[string]int)
	maps.Copy(activated, k.now.Activated)
	for realm, n := range counts {
		k.dirty = k.dirty || activated[realm] != n
		activated[realm] = n
	}
	k.now.Activated, k.now.Counted = activated, seq
	return nil
}

func (k *Keeper) tellMissing(missing map[string]int) {
	for realm, n := range missing {
		if k.missing[realm] != n {
			k.log.Error("users with a second factor are missing, and the audit log does not explain it: they are let in by their password alone; restore a backup",
				zap.String("realm", realm), zap.Int("missing", n), zap.Int("expected", k.now.Activated[realm]))
		}
	}
}

// State is what is known of a witness.
type State struct {
	// Store is the store's id, Head what was witnessed last, at Written.
	Store   string
	Head    Head
	Written time.Time
	// Err is why it could not be renewed since; nil if it was.
	Err error
	// Missing are users that the audit log does not account for, by realm.
	Missing map[string]int
}

// State returns it.
func (k *Keeper) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return State{k.now.Store, k.now.Head, k.written, k.err, maps.Clone(k.missing)}
}
