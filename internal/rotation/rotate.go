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

// person identifies the user of a record.
type person = store.UserKey

// workers is the number of records that are resealed concurrently. Each waits for the disk
// most of the time; more would delay sign-ins.
const workers = 4

// marker is the record that exists while a rotation runs. Resume reads it after a restart.
const marker = "rotation"

// The states of a rotation.
const (
	Never   = "never" // none since the server was started
	Running = "running"
	Done    = "done"
	Failed  = "failed"
)

// Progress is the state of a rotation.
type Progress struct {
	State string `json:"state"`
	// Key is the ID of the key with which the rotation seals.
	Key string `json:"key,omitempty"`
	// Total is the number of records that were sealed with other keys at the beginning, and
	// Resealed the number of those that were resealed. Unopened is the number of secrets
	// that no key opens; their users must be reset.
	Total    int `json:"total"`
	Resealed int `json:"resealed"`
	Unopened int `json:"unopened"`
	// Started and Finished are in UTC.
	Started  time.Time  `json:"started,omitzero"`
	Finished *time.Time `json:"finished,omitempty"`
	// Error says why it failed.
	Error string `json:"error,omitempty"`
}

// Progress returns the state of the last rotation since the server was started.
func (k *Keeper) Progress() Progress {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.progress.State == "" {
		return Progress{State: Never}
	}
	return k.progress
}

// Start begins to reseal all records with the newest key, in the background. If a rotation
// is running, it only returns its state. ring is called for every record, so that a reload
// of the configuration takes effect; if it returns nil, the rotation ends as by Close.
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

// Resume continues a rotation that a crash or a stop of the server ended. It is called when
// a configuration is loaded, and does nothing if a rotation was started in this process.
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
		return // the marker stays, so that Resume continues after the next start
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

// rotate makes passes over all records until a pass finds none to reseal. One pass is not
// enough: a request that began before the last reload may still seal with the key that was
// the newest then.
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

// measure sets Progress.Total: the number of records that are sealed with other keys.
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

// pass reseals every record that is not sealed with the newest key, and returns their
// number. first says that it is the first pass, which reports secrets that no key opens.
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
	// If a goroutine failed, its error cancelled each, so it is the one to return.
	if failed := group.Wait(); failed != nil {
		err = failed
	}
	return k.Progress().Resealed - before, err
}

// reseal reseals one user's record. It reads the record again in the transaction, because it
// may have changed or been deleted since each read it.
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

// resealCheck reseals the record keyCheck.
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

// finish records the event of a completed rotation, and removes the marker.
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
