// Package audit keeps the audit log: one chain of all security events of a store, in
// which each entry's hash covers the entry before. caddyplugin runs one [Log] per store;
// [Verify] and [VerifyExport] check a chain.
//
// The chain only grows at its end, by the goroutine of [Log.Run]. An event that was
// recorded with a change is in the chain or pending, also after a crash. An entry that is
// altered, inserted or removed breaks the chain, and a chain with its end cut off
// contradicts a head that was logged earlier.
package audit

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// Store has the methods of the store that a Log calls.
type Store interface {
	Reader
	Record(ctx context.Context, events ...store.Event) error
	Settle(ctx context.Context, limit int, fn func(last store.Entry, pending [][]byte) (store.Settled, error)) (int, error)
	LastEntry(ctx context.Context) (store.Entry, error)
	PruneEntries(ctx context.Context, before time.Time, limit int) (int, error)
	UpdateMeta(ctx context.Context, name string, fn func(old []byte) ([]byte, error)) error
}

// Options configure a Log.
type Options struct {
	Store Store
	// Logger and Keep return the logger of the running configuration and the time for which it
	// keeps events. The Log calls them at each use, because Caddy replaces configurations. If
	// no configuration is running, Logger returns nil, and events stay pending.
	Logger func() *zap.Logger
	Keep   func() time.Duration
	Clock  func() time.Time
	// Mails returns the mails about events. They are queued in the transaction that writes the
	// entries, so that none is lost. It may be nil.
	Mails func(ctx context.Context, events []store.Event) ([]store.Mail, error)
}

const (
	// batch is the largest number of events that one transaction moves into the chain, or of
	// entries that it prunes.
	batch = 200
	// settleEvery is the interval at which pending events are moved into the chain.
	settleEvery = time.Second
	// headEvery is the interval at which the head of the chain is written to the server's log.
	headEvery = time.Minute
)

// Log moves pending events into the chain and writes them to the server's log.
type Log struct {
	Options
	loggedHead store.Entry
	// pruned is the time of the last pruning, or of the start of Run; looked reports whether
	// this process has pruned.
	pruned time.Time
	looked bool
	// failed has the time at which each message of a failure was last logged, because a
	// failure may repeat every second.
	failed map[string]time.Time

	noted      chan store.Event
	lost       atomic.Uint64
	aggregator aggregator
	// unwritten has the noted events that could not be recorded in the store yet.
	unwritten []store.Event
	flushes   chan chan struct{}
	ended     chan struct{}
}

// New returns the log of a store. It does nothing until Run is called.
func New(o Options) *Log {
	return &Log{
		Options: o, noted: make(chan store.Event, maxNoted),
		aggregator: aggregator{clock: o.Clock, subjects: make(map[subject]*tally), reasons: make(map[string]int)},
		failed:     make(map[string]time.Time), flushes: make(chan chan struct{}), ended: make(chan struct{}),
	}
}

// Run moves pending events into the chain until ctx ends, and then once more if a
// configuration is still running.
func (l *Log) Run(ctx context.Context) {
	defer close(l.ended)
	settle, head := time.NewTicker(settleEvery), time.NewTicker(headEvery)
	defer settle.Stop()
	defer head.Stop()
	l.logHead(ctx)
	l.pruned = time.Now()
	for {
		select {
		case <-ctx.Done():
			l.settle(context.WithoutCancel(ctx))
			l.logHead(context.WithoutCancel(ctx))
			return
		case done := <-l.flushes:
			l.settle(ctx)
			l.logHead(ctx)
			close(done)
		case e := <-l.noted:
			l.write(ctx, e)
		case <-settle.C:
			l.settle(ctx)
			l.prune(ctx)
		case <-head.C:
			l.logHead(ctx)
		}
	}
}

// Flush moves all events recorded so far into the chain and logs them, while the logger of the
// running configuration is still open. It waits until that is done, or until ctx ends.
func (l *Log) Flush(ctx context.Context) {
	done := make(chan struct{})
	select {
	case l.flushes <- done:
	case <-l.ended:
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// settle moves all pending events into the chain and logs them. Without a logger they stay
// pending until a configuration runs.
func (l *Log) settle(ctx context.Context) {
	l.write(ctx, l.aggregator.due()...)
	log := l.Logger()
	if log == nil {
		return
	}
	for {
		var entries []store.Entry
		n, err := l.Store.Settle(ctx, batch, func(last store.Entry, pending [][]byte) (store.Settled, error) {
			var err error
			entries, err = Chain(last, pending)
			if err != nil || l.Mails == nil {
				return store.Settled{Entries: entries}, err
			}
			mails, err := l.Mails(ctx, eventsOf(entries))
			return store.Settled{Entries: entries, Mails: mails}, err
		})
		if err != nil {
			l.fail(ctx, "events could not be moved into the audit log; they stay pending", err)
			return
		}
		if n == 0 {
			return
		}
		for i := range entries {
			logEntry(log.Named(logName), &entries[i])
		}
	}
}

func eventsOf(entries []store.Entry) []store.Event {
	events := make([]store.Event, len(entries))
	for i := range entries {
		events[i] = entries[i].Event
	}
	return events
}

// fail logs a failure. The same message is logged at most once in headEvery.
func (l *Log) fail(ctx context.Context, message string, err error) {
	log, now := l.Logger(), l.Clock()
	if log == nil || ctx.Err() != nil || errors.Is(err, store.ErrClosed) || now.Sub(l.failed[message]).Abs() < headEvery {
		return
	}
	l.failed[message] = now
	log.Named(logName).Error(message, zap.Error(err))
}
