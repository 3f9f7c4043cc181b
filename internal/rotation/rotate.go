package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/store"
)

// person names the record's user.
type person = store.UserKey

// workers is how many records are resealed at once: each waits for the disk most of
// the time, and sign-ins want it too.
const workers = 4

// marker is the record that says that a rotation is under way, for the next start.
const marker = "rotation"

// The states of a rotation.
const (
	Never   = "never" // none since the server was started
	Running = "running"
	Done    = "done"
	Failed  = "failed"
)

// Progress is how far a rotation is.
type Progress struct {
	State string `json:"state"`
	// Key is the ID of the key that everything is sealed with afterwards.
	Key string `json:"key,omitempty"`
	// Total is how many records were sealed with others at the beginning, Resealed how
	// many no longer are. Unopened secrets belong to no key that is there; their users
	// have to be reset.
	Total    int `json:"total"`
	Resealed int `json:"resealed"`
	Unopened int `json:"unopened"`
	// Started and Finished are in UTC.
	Started  time.Time  `json:"started,omitzero"`
	Finished *time.Time `json:"finished,omitempty"`
	// Error says why it failed.
	Error string `json:"error,omitempty"`
}

// Progress returns how far the last rotation is.
func (k *Keeper) Progress() Progress {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.progress.State == "" {
		return Progress{State: Never}
	}
	return k.progress
}

// Start begins to seal all records with the newest key, in the background, unless
// that is going on. The ring is asked for anew for every record, so that a reload in
// the midst counts; nil ends the rotation as Close does.
func (k *Keeper) Start(ctx context.Context, ring func() *keys.Ring) (Progress, error) {
	newest := ring()
	if newest == nil {
		return Progress{}, errors.New("the server is stopping")
	}
	at := k.clock().UTC()
	err := k.store.UpdateMeta(ctx, marker, func([]byte) ([]byte, error) { return json.Marshal(at) })
	if err != nil {
		return Progress{}, fmt.Errorf("noting that a rotation begins: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.progress.State == Running || k.ctx.Err() != nil {
		return k.progress, nil
	}
	k.progress = Progress{State: Running, Key: newest.Newest().String(), Started: at}
	k.work.Go(func() { k.run(ring) })
	return k.progress, nil
}

// Resume goes on with a rotation that a crash or a stop ended.
func (k *Keeper) Resume(ctx context.Context, ring func() *keys.Ring) error {
	raw, err := k.meta(ctx, marker)
	if err != nil || len(raw) == 0 || k.Progress().State != Never {
		return err
	}
	k.log.Info("the rotation of the master keys goes on")
	_, err = k.Start(ctx, ring)
	return err
}

func (k *Keeper) run(ring func() *keys.Ring) {
	err := k.rotate(ring)
	if k.ctx.Err() != nil || errors.Is(err, errStopping) {
		return // the marker stays, so that the next start goes on
	}
	if err == nil {
		err = k.finish()
	}
	at := k.clock().UTC()
	k.change(func(p *Progress) {
		p.State, p.Finished = Done, &at
		if err != nil {
			p.State, p.Error = Failed, err.Error()
		}
	})
	if err != nil {
		k.log.Error("the rotation of the master keys failed; start it again", zap.Error(err))
		return
	}
	p := k.Progress()
	k.log.Info("all records are sealed with the newest master key", zap.String("key", p.Key), zap.Int("resealed", p.Resealed), zap.Int("unopened", p.Unopened))
}

var errStopping = errors.New("the server is stopping")

// rotate goes through all records until it finds none to reseal: while it runs, a
// request that began before the last reload may still seal with the key of then.
func (k *Keeper) rotate(ring func() *keys.Ring) error {
	if err := k.measure(ring); err != nil {
		return err
	}
	for first := true; ; first = false {
		changed, err := k.pass(ring, first)
		if err != nil || changed == 0 {
			return err
		}
	}
}

// measure counts what is to be done.
func (k *Keeper) measure(ring func() *keys.Ring) error {
	records, err := k.count(k.ctx)
	if err != nil {
		return err
	}
	r := ring()
	if r == nil {
		return errStopping
	}
	total := 0
	for id, n := range records {
		if id != r.Newest() {
			total += n
		}
	}
	k.change(func(p *Progress) { p.Total = total })
	return nil
}

// pass reseals what needs it and returns how much that was.
func (k *Keeper) pass(ring func() *keys.Ring, first bool) (int, error) {
	before := k.Progress().Resealed
	if r := ring(); r != nil {
		k.change(func(p *Progress) { p.Key = r.Newest().String() })
	}
	if err := k.resealCheck(ring); err != nil {
		return 0, err
	}
	group, ctx := errgroup.WithContext(k.ctx)
	group.SetLimit(workers)
	err := k.each(ctx, func(id keys.ID, who person) error {
		r := ring()
		if r == nil {
			return errStopping
		}
		if id != r.Newest() {
			group.Go(func() error { return k.reseal(ctx, r, who, first) })
		}
		return nil
	})
	// What failed in the group is the cause when the walk was cancelled.
	if failed := group.Wait(); failed != nil {
		err = failed
	}
	return k.Progress().Resealed - before, err
}

// reseal changes one user's record as it then is, whatever happened to it since it was
// looked at.
func (k *Keeper) reseal(ctx context.Context, ring *keys.Ring, who person, first bool) error {
	var changed bool
	err := k.store.Update(ctx, who, func(tx store.Tx) error {
		u, err := tx.User()
		if err != nil {
			return err
		}
		if changed, err = factor.Reseal(&u, ring); err != nil || !changed {
			return err
		}
		return tx.PutUser(u)
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case errors.Is(err, keys.ErrOpen):
		if first {
			k.change(func(p *Progress) { p.Unopened++ })
			k.log.Error("a secret opens with none of the master keys; reset this user's factors", zap.String("realm", who.Realm), zap.String("user_id", who.ID), zap.Error(err))
		}
		return nil
	case err == nil && changed:
		k.change(func(p *Progress) { p.Resealed++ })
	}
	return err
}

// resealCheck does it for the record by which the store knows its keys.
func (k *Keeper) resealCheck(ring func() *keys.Ring) error {
	r := ring()
	if r == nil {
		return errStopping
	}
	var changed bool
	err := k.store.UpdateMeta(k.ctx, keyCheck, func(old []byte) ([]byte, error) {
		id, err := keys.KeyOf(old)
		if changed = err == nil && id != r.Newest(); !changed {
			return old, err
		}
		plain, err := r.Open(old, keyCheck)
		if err != nil {
			return nil, err
		}
		return r.Seal(plain, keyCheck), nil
	})
	if err == nil && changed {
		k.change(func(p *Progress) { p.Resealed++ })
	}
	return err
}

// finish records the end, and that nothing is to be gone on with.
func (k *Keeper) finish() error {
	p := k.Progress()
	err := k.store.Record(k.ctx, store.Event{At: k.clock(), Kind: store.EventKeysRotated, Detail: map[string]string{
		"key": p.Key, "records": strconv.Itoa(p.Resealed),
	}})
	if err != nil {
		return err
	}
	return k.store.UpdateMeta(k.ctx, marker, func([]byte) ([]byte, error) { return nil, nil })
}

func (k *Keeper) change(fn func(p *Progress)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fn(&k.progress)
}
