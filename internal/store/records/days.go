package records

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/kv"
)

// UpdateDay implements store.Store. Numbers that can't be read are replaced, so that new ones
// are still counted.
func (d *DB) UpdateDay(ctx context.Context, realm, date string, fn func(store.Day) (store.Day, error)) error {
	end, err := store.Ends(date)
	if err != nil {
		return err
	}
	key := dayKey(realm, date)
	return d.engine.Update(ctx, string(key), func(w kv.Tx) error {
		old, err := d.getDay(w, key)
		if errors.Is(err, store.ErrCorrupt) {
			d.log.Error("the numbers of a day can't be read and begin anew", zap.Error(err))
		} else if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err != nil {
			old = store.Day{Realm: realm, Date: date}
		}
		day, err := fn(old)
		if err != nil {
			return err
		}
		if day.Realm != realm || day.Date != date {
			return errors.New("writing the numbers of another realm or day than the transaction's")
		}
		d.set(w, key, dayForm.encode(key, &day), end)
		return nil
	})
}

// Days implements store.Store. A day that can't be read is left out, and logged.
func (d *DB) Days(ctx context.Context, from string) (days []store.Day, err error) {
	err = d.engine.View(ctx, func(r kv.Reader) error {
		for found, err := range r.Scan(keysOf(kindDay)) {
			if err != nil {
				return err
			}
			day, err := d.getDay(r, found.Key)
			switch {
			case errors.Is(err, store.ErrNotFound):
			case errors.Is(err, store.ErrCorrupt):
				d.log.Error("the numbers of a day can't be read", zap.Error(err))
			case err != nil:
				return err
			case day.Date >= from:
				days = append(days, day)
			}
		}
		return nil
	})
	slices.SortFunc(days, func(a, b store.Day) int {
		return cmp.Or(cmp.Compare(a.Realm, b.Realm), cmp.Compare(a.Date, b.Date))
	})
	return days, err
}

// getDay reads a day's numbers unless they are to be forgotten.
func (d *DB) getDay(r kv.Reader, key []byte) (store.Day, error) {
	day, err := get(r, key, func() string { return "the numbers of a day" }, dayForm.decode)
	if err != nil {
		return store.Day{}, err
	}
	end, err := store.Ends(day.Date)
	if err != nil {
		return store.Day{}, fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	if d.over(end) {
		return store.Day{}, store.ErrNotFound
	}
	return day, nil
}
