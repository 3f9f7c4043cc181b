package kv

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Local is what an engine within one process embeds: it lets operations in until it is closed,
// queues transactions by subject, repeats those that met a conflict, and keeps the change feed.
// The zero value is ready.
type Local struct {
	queue queue
	feed  feed

	mu      sync.Mutex // guards closed, and running against Shut
	closed  bool
	running sync.WaitGroup
	once    sync.Once
	failure error
}

// Run runs an operation unless the engine was closed. It is counted, and no read lock is held: an
// operation that starts another one while Shut waits gets ErrClosed then, and not a deadlock.
func (l *Local) Run(ctx context.Context, operation func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !l.enter() {
		return ErrClosed
	}
	defer l.running.Done()
	return operation()
}

func (l *Local) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.running.Add(1)
	}
	return !l.closed
}

// Transact runs attempts of one transaction: when it is the subject's turn, and until one is no
// conflict. An attempt returns the keys that it wrote.
func (l *Local) Transact(ctx context.Context, subject string, attempt func() (keys [][]byte, err error)) error {
	return l.Run(ctx, func() error {
		next, err := l.queue.wait(ctx, subject)
		if err != nil {
			return err
		}
		defer next()
		return retry(ctx, func() error {
			keys, err := attempt()
			if err == nil {
				l.feed.publish(keys)
			}
			return err
		})
	})
}

// Changes implements Engine.
func (l *Local) Changes(ctx context.Context, after uint64) (changes []Change, position uint64, err error) {
	err = l.Run(ctx, func() error {
		changes, position, err = l.feed.since(after)
		return err
	})
	return changes, position, err
}

// Shut refuses new operations, waits for the running ones and then runs last, once. Every
// call returns last's error.
func (l *Local) Shut(last func() error) error {
	l.once.Do(func() {
		l.mu.Lock()
		l.closed = true
		l.mu.Unlock()
		l.running.Wait()
		l.failure = last()
	})
	return l.failure
}

// queue runs transactions with the same subject one after another, in their order. Without it,
// optimistic engines would run all at once and all but one of them again: a hundred codes tried
// at once would cost some five thousand transactions, and the last could starve.
type queue struct {
	mu sync.Mutex
	// last is closed when the last transaction in the subject's queue has ended.
	last map[string]chan struct{}
}

// wait returns when it is the caller's turn; next ends it.
func (q *queue) wait(ctx context.Context, subject string) (next func(), err error) {
	if subject == "" {
		return func() {}, nil
	}
	before, end := q.join(subject)
	if before == nil {
		return end, nil
	}
	select {
	case <-before:
		return end, nil
	case <-ctx.Done():
		go func() { <-before; end() }() // the turn is passed on when it comes
		return nil, ctx.Err()
	}
}

func (q *queue) join(subject string) (before chan struct{}, end func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.last == nil {
		q.last = make(map[string]chan struct{})
	}
	mine := make(chan struct{})
	before, q.last[subject] = q.last[subject], mine
	return before, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.last[subject] == mine {
			delete(q.last, subject)
		}
		close(mine)
	}
}

// Transactions with one subject wait for each other, so conflicts come only from changes of
// shared keys with other subjects; a few attempts are plenty.
const (
	maxAttempts = 30
	firstPause  = time.Millisecond
	longPause   = 32 * time.Millisecond
)

// retry calls attempt until it returns another error than ErrConflict, with random pauses.
func retry(ctx context.Context, attempt func() error) error {
	pause := firstPause
	for range maxAttempts {
		if err := attempt(); !errors.Is(err, ErrConflict) {
			return err
		}
		select {
		case <-time.After(rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, longPause)
	}
	return ErrConflict
}

// feedSize is how many changes a feed remembers.
const feedSize = 4096

// feed is a change feed within one process. It keeps nothing until it is first asked.
type feed struct {
	used atomic.Bool

	mu      sync.Mutex
	first   uint64 // the position before changes[0]
	changes []Change
}

// publish appends a change. It is called after the commit of every transaction: a caller of
// since that came before sees the change, one that comes later reads what was committed.
func (f *feed) publish(keys [][]byte) {
	if len(keys) == 0 || !f.used.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.changes) == 2*feedSize {
		f.first += feedSize
		f.changes = append(f.changes[:0:0], f.changes[feedSize:]...)
	}
	f.changes = append(f.changes, Change{keys})
}

// since returns the changes behind a position, and the last one.
func (f *feed) since(after uint64) ([]Change, uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.used.Load() {
		// Positions of another life of the process are smaller.
		f.first = uint64(time.Now().UnixMicro())
		f.used.Store(true)
	}
	last := f.first + uint64(len(f.changes))
	switch {
	case after == 0:
		return nil, last, nil
	case after < f.first || after > last:
		return nil, last, ErrGap
	}
	return append([]Change(nil), f.changes[after-f.first:]...), last, nil
}
