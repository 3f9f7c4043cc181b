package records

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

// Snapshot implements store.Store.
func (d *DB) Snapshot(ctx context.Context, fn func(store.Snapshot) error) error {
	return d.engine.View(ctx, func(r kv.Reader) error { return fn(snapshot{r}) })
}

type snapshot struct{ r kv.Reader }

// Records implements store.Snapshot.
func (s snapshot) Records() (int, error) { return count(s.r, kv.Range{KeysOnly: true}, 0) }

// Meta implements store.Snapshot.
func (s snapshot) Meta(name string) ([]byte, error) { return getMeta(s.r, name) }

// Each implements store.Snapshot.
func (s snapshot) Each(fn func(r store.Raw) error) error {
	for found, err := range s.r.Scan(kv.Range{Size: 100}) {
		if err != nil {
			return err
		}
		if err := fn(found); err != nil {
			return err
		}
	}
	return nil
}

// Everyone implements store.Store by the users' own keys.
func (d *DB) Everyone(ctx context.Context, after string, limit int) (page store.UserPage, err error) {
	if limit < 1 || limit > 1000 {
		return page, fmt.Errorf("listing everyone: a page of %d, want 1 to 1000", limit)
	}
	from, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil {
		return page, errors.New("listing everyone: the cursor is not one of a previous page")
	}
	return view(ctx, d, func(r kv.Reader) (store.UserPage, error) { return d.everyone(r, from, limit) })
}

func (d *DB) everyone(r kv.Reader, from []byte, limit int) (page store.UserPage, err error) {
	scan := kv.Prefix([]byte{kindUser})
	scan.Size = limit
	if len(from) > 0 {
		scan.From = append(from, 0) // the least key behind it
	}
	seen := 0
	for found, err := range r.Scan(scan) {
		if err != nil {
			return store.UserPage{}, err
		}
		if seen == limit {
			page.Next = base64.RawURLEncoding.EncodeToString(from)
			return page, nil
		}
		seen++
		from = bytes.Clone(found.Key)
		u, err := userForm.decode(found.Key, found.Value)
		if err != nil {
			d.log.Error("a user can't be listed", zap.Error(fmt.Errorf("%w: user under key %q: %w", store.ErrCorrupt, from, err)))
			continue
		}
		page.Users = append(page.Users, u)
	}
	return page, nil
}
