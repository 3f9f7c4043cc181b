package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

const (
	// pruneEvery is how often entries that are too old are removed, and how long after
	// the start for the first time.
	pruneEvery = time.Hour
	// downTime is how long the server may have been down between two prunings. A clock that is
	// further ahead is treated as possibly wrong.
	downTime = 7 * 24 * time.Hour
	// catchUp is how much faster than the passing time the trusted time may advance.
	catchUp = 2
)

// prune removes the entries that are older than Keep, an hour after the start and then every
// hour. It uses the trusted time of believe.
func (l *Log) prune(ctx context.Context) {
	keep, passed := l.Keep(), time.Since(l.pruned)
	if keep <= 0 || passed < pruneEvery {
		return
	}
	l.pruned = time.Now()
	now, err := l.believe(ctx, passed)
	if err != nil {
		l.fail(ctx, "old entries of the audit log could not be removed", err)
		return
	}
	for {
		n, err := l.Store.PruneEntries(ctx, now.Add(-keep), batch)
		if err != nil {
			l.fail(ctx, "old entries of the audit log could not be removed", err)
			return
		}
		if n < batch {
			return
		}
	}
}

// believe returns the trusted time: the clock's, or an earlier time if the clock is further
// ahead than the passed time explains. Otherwise a server that started with a wrong clock would
// remove the whole log. The trusted time is kept in the store. At first it is the time of the
// newest entry.
func (l *Log) believe(ctx context.Context, passed time.Duration) (now time.Time, err error) {
	clock := l.Clock().UTC()
	limit := catchUp * passed
	if !l.looked {
		limit += downTime
	}
	newest, err := l.Store.LastEntry(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return now, err
	}
	err = l.Store.UpdateMeta(ctx, store.MetaClock, func(old []byte) ([]byte, error) {
		last := clock
		switch {
		case old != nil:
			if last, err = time.Parse(time.RFC3339, string(old)); err != nil {
				return nil, fmt.Errorf("reading the trusted time: %w", err)
			}
		case newest.Seq > 0:
			last = newest.Event.At
		}
		now = clock
		if most := last.Add(limit); now.After(most) {
			now = most
		}
		return []byte(now.UTC().Format(time.RFC3339)), nil
	})
	if err != nil {
		return now, err
	}
	l.looked = true
	if ahead := clock.Sub(now); ahead > time.Hour {
		l.doubtClock(ahead)
	}
	return now, nil
}

// doubtClock logs that old entries are kept longer because the clock may be wrong.
func (l *Log) doubtClock(ahead time.Duration) {
	if log := l.Logger(); log != nil {
		log.Named(logName).Warn("the server's clock is further ahead than the time since the last start explains; old entries of the audit log are kept for now: check the clock",
			zap.Duration("ahead", ahead.Round(time.Minute)))
	}
}
