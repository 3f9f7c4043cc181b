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

	work    sync.Mutex // guards what follows; held while the store and Caddy's storage are used
	storage Storage
	ring    *keys.Ring
	now     Witness
	// file is what this keeper has written to storage last, nil for nothing yet.
	file []byte
	// taken says that another server has written the witness since; it is not renewed then.
	taken bool
	// realms are those of the configurations that have used the store.
	realms map[string]bool
	// dirty says that something besides the head is not written yet, stale that users were
	// activated since the last count, which took that long.
	dirty, stale bool
	counted      time.Time
	took         time.Duration
	told         time.Time

	mu    sync.Mutex // guards state
	state State
}

// State is what is known of a witness.
type State struct {
	// Store is the store's id, Head what was witnessed last, at Written.
	Store   string
	Head    Head
	Written time.Time
	// Err is why it could not be renewed since; nil if it was.
	Err error
	// Contested says that another server uses a copy of the store, or another store for
	// one of its realms, nil for no: what is set up there is unknown here.
	Contested error
	// Missing are users that the audit log does not account for, by realm.
	Missing map[string]int
}

// New returns the keeper of a store. It does nothing before Use.
func New(st Reader, log *zap.Logger, clock func() time.Time) *Keeper {
	return &Keeper{store: st, log: log, clock: clock, realms: make(map[string]bool)}
}

// State returns it.
func (k *Keeper) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

func (k *Keeper) change(how func(s *State)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	how(&k.state)
}

// Use writes the witness to this storage from now on, signed by this ring. last is the
// store's witness until now, nil if there is none; counts are the realms that a
// configuration answers for, with their activated users where last does not count them.
func (k *Keeper) Use(ctx context.Context, storage Storage, ring *keys.Ring, place string, last *Witness, counts map[string]int) error {
	f, err := Find(ctx, k.store, place, true, nil)
	if err != nil {
		return err
	}
	k.work.Lock()
	defer k.work.Unlock()
	if k.now.Activated == nil {
		k.now.Activated, k.now.Counted, k.now.Head = make(map[string]int), f.Head.Seq, f.Head
		if last != nil {
			maps.Copy(k.now.Activated, last.Activated)
			k.now.Counted, k.now.Head = last.Counted, last.Head
		}
	}
	for realm, n := range counts {
		k.realms[realm] = true
		if _, counted := k.now.Activated[realm]; !counted {
			k.now.Activated[realm] = n
		}
	}
	k.storage, k.ring, k.dirty, k.file, k.taken = storage, ring, true, nil, false
	k.now.Store, k.now.Place, k.now.Restored = f.Store, place, f.Restored
	k.now.Host, _ = os.Hostname()
	k.change(func(s *State) { s.Store = f.Store })
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
			k.Flush(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			k.Renew(ctx)
		}
	}
}

// Renew writes the witness if anything has changed.
func (k *Keeper) Renew(ctx context.Context) {
	k.work.Lock()
	defer k.work.Unlock()
	k.renew(ctx)
}

// Flush is Renew that counts the users at once if some were activated, whatever that costs.
func (k *Keeper) Flush(ctx context.Context) {
	k.work.Lock()
	defer k.work.Unlock()
	k.took = 0
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
	if k.State().Err != nil {
		k.log.Info("the store's witness is renewed again")
		k.change(func(s *State) { s.Err = nil })
	}
	k.told = time.Time{}
}

func (k *Keeper) write(ctx context.Context) error {
	if k.taken {
		return nil
	}
	newest, err := head(ctx, k.store)
	if err != nil {
		return err
	}
	if newest == k.now.Head && !k.dirty && !k.stale {
		return nil
	}
	if !k.stale {
		if k.stale, err = activated(ctx, k.store, k.now.Head.Seq); err != nil {
			return err
		}
	}
	if k.stale && k.clock().Sub(k.counted).Abs() >= 20*k.took {
		if err := k.count(ctx, newest.Seq); err != nil {
			return err
		}
	}
	if newest == k.now.Head && !k.dirty {
		return nil
	}
	next := k.now
	next.Head, next.Signed = newest, k.clock().UTC()
	if err := k.compare(ctx); err != nil || k.taken {
		return err
	}
	file, err := Marshal(next, k.ring)
	if err != nil {
		return err
	}
	if err := k.storage.Store(ctx, keyOf(next.Store), file); err != nil {
		k.dirty = true
		return err
	}
	k.now, k.dirty, k.file = next, false, file
	k.change(func(s *State) { s.Head, s.Written = newest, next.Signed })
	return nil
}

// fail remembers why the witness could not be renewed, and logs it now and then.
func (k *Keeper) fail(err error) {
	if errors.Is(err, store.ErrClosed) || errors.Is(err, context.Canceled) {
		return
	}
	k.change(func(s *State) { s.Err = err })
	if now := k.clock(); now.Sub(k.told).Abs() >= tellEvery {
		k.told = now
		k.log.Error("the store's witness could not be renewed in Caddy's storage: a store that is lost from now on can't be told from a new one; make Caddy's storage writable", zap.Error(err))
	}
}

// Count counts the users now, and has the witness renewed.
func (k *Keeper) Count(ctx context.Context) {
	k.work.Lock()
	defer k.work.Unlock()
	k.stale, k.counted = true, time.Time{}
	k.renew(ctx)
}

// count counts the activated users of all realms; the audit log had seq entries before. A
// number that has fallen further than the audit log explains is reported as missing, and
// not taken, until it is explained.
func (k *Keeper) count(ctx context.Context, seq uint64) error {
	began := time.Now()
	counts := make(map[string]int)
	for realm := range k.realms {
		n, err := k.store.CountUsers(ctx, realm)
		if err != nil {
			return err
		}
		counts[realm] = n.Activated
	}
	missing, err := k.short(ctx, counts)
	if err != nil {
		return err
	}
	k.counted, k.took, k.stale = k.clock(), time.Since(began), false
	k.tellMissing(missing)
	k.change(func(s *State) { s.Missing = missing })
	if len(missing) > 0 { // the counts of all realms belong to one entry
		return nil
	}
	next := maps.Clone(k.now.Activated)
	maps.Copy(next, counts)
	k.dirty = k.dirty || !maps.Equal(next, k.now.Activated)
	k.now.Activated, k.now.Counted = next, seq
	return nil
}

// short compares counts with the witness's. The audit log is read only where they fell.
func (k *Keeper) short(ctx context.Context, counts map[string]int) (missing map[string]int, err error) {
	var explained map[string]int
	for realm, n := range counts {
		u := Users{Realm: realm, Activated: n}
		if u.Missing(&k.now) == 0 {
			continue
		}
		if explained == nil {
			if explained, err = Explained(ctx, k.store, k.now.Counted); err != nil {
				return nil, err
			}
			missing = make(map[string]int)
		}
		u.Explained = explained[realm]
		if n := u.Missing(&k.now); n > 0 {
			missing[realm] = n
		}
	}
	return missing, nil
}

func (k *Keeper) tellMissing(missing map[string]int) {
	before := k.State().Missing
	for realm, n := range missing {
		if before[realm] != n {
			k.log.Error("users with a second factor are missing, and the audit log does not explain it: they are let in by their password alone; restore a backup",
				zap.String("realm", realm), zap.Int("missing", n), zap.Int("expected", k.now.Activated[realm]))
		}
	}
}
