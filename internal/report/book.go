package report

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// flushEvery is how often the numbers are written to the store. A crash loses those since.
const flushEvery = time.Minute

// Run writes the numbers to the store every minute until ctx ends, and then once more.
func (b *Book) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			b.flushOrLog(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			b.flushOrLog(ctx)
			b.tell(ctx)
		}
	}
}

func (b *Book) flushOrLog(ctx context.Context) {
	if err := b.Flush(ctx); err != nil && ctx.Err() == nil {
		b.log.Error("the numbers of the report could not be written; they are kept and tried again", zap.Error(err))
	}
}

// Flush writes the pages that have numbers from Add; a page that has only numbers from Note
// waits. Numbers that can't be written are kept for the next Flush.
func (b *Book) Flush(ctx context.Context) error {
	return b.flush(ctx, func(p page) bool { return b.due[p] })
}

// flush writes the pages for which which returns true. It calls which with b.mu held. It
// drops other pages of days that are given up.
func (b *Book) flush(ctx context.Context, which func(page) bool) error {
	b.flushing.Lock()
	defer b.flushing.Unlock()
	fresh := make(map[page]*counts)
	b.mu.Lock()
	for p, c := range b.fresh {
		switch {
		case which(p):
			fresh[p] = c
			delete(b.fresh, p)
			delete(b.due, p)
		case b.old(p):
			delete(b.fresh, p)
		}
	}
	b.mu.Unlock()
	var failed error
	for p, c := range fresh {
		if err := b.write(ctx, p, c); err != nil {
			failed = errors.Join(failed, err)
			b.back(p, c)
		}
	}
	return failed
}

func (b *Book) write(ctx context.Context, p page, c *counts) error {
	return b.store.UpdateDay(ctx, p.realm, p.date, func(old store.Day) (store.Day, error) {
		sum := newCounts(old.Counts)
		for k, n := range c.n {
			sum.add(k, n)
		}
		return store.Day{Realm: p.realm, Date: p.date, Counts: sum.n}, nil
	})
}

// back adds numbers that could not be written to the book again. Those of a day that is
// given up (see old) are dropped, so that the book stays bounded.
func (b *Book) back(p page, c *counts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.old(p) {
		return
	}
	b.due[p] = true
	if b.fresh[p] == nil {
		b.fresh[p] = newCounts(nil)
	}
	for k, n := range c.n {
		b.fresh[p].add(k, n)
	}
}

// old reports whether a page's day is given up: it is more than two days ago.
func (b *Book) old(p page) bool { return p.date < store.DateOf(b.clock().AddDate(0, 0, -2)) }

// Read writes all pages and returns the numbers of the last days, today's included.
func (b *Book) Read(ctx context.Context, days int) ([]store.Day, error) {
	if err := b.flush(ctx, func(page) bool { return true }); err != nil {
		return nil, err
	}
	return b.store.Days(ctx, store.DateOf(b.clock().AddDate(0, 0, 1-days)))
}

// tell logs the summary of the previous day once for each realm. After a restart the first
// summary is that of the day of the restart, since it is not known whether an earlier one
// was logged.
func (b *Book) tell(ctx context.Context) {
	now := b.clock()
	today, yesterday := store.DateOf(now), store.DateOf(now.AddDate(0, 0, -1))
	days, err := b.store.Days(ctx, yesterday)
	if err != nil {
		return // Flush has logged the store's failure
	}
	for _, d := range days {
		last, known := b.told[d.Realm]
		b.told[d.Realm] = today
		if known && last < today && d.Date == yesterday {
			b.log.Info("summary of the day", Summarize([]store.Day{d})[0].fields(d.Date)...)
		}
	}
}

// bound returns the name under which AddTime counts d: the smallest of Bounds that is not
// less, or the last one.
func bound(d time.Duration) string {
	i, _ := slices.BinarySearch(Bounds, int(d/time.Millisecond))
	return strconv.Itoa(Bounds[min(i, len(Bounds)-1)])
}
