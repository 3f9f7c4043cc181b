package kv

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Gate lets operations in until it is closed, and waits for those within.
type Gate struct {
	mu      sync.Mutex // guards closed, and running against Close
	closed  bool
	running sync.WaitGroup
	once    sync.Once
	failure error
}

// Enter announces an operation; leave ends it. It is a counter and not a read lock: an
// operation that starts another one while Close waits gets ErrClosed then, and not a deadlock.
func (g *Gate) Enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, ErrClosed
	}
	g.running.Add(1)
	return g.running.Done, nil
}

// Close refuses new operations, waits for the running ones and then runs shut, once. Every
// call returns shut's error.
func (g *Gate) Close(shut func() error) error {
	g.once.Do(func() {
		g.mu.Lock()
		g.closed = true
		g.mu.Unlock()
		g.running.Wait()
		g.failure = shut()
	})
	return g.failure
}

// Queue runs transactions with the same subject one after another. Without it, optimistic
// engines would run all at once and all but one of them again: a hundred codes tried at once
// would cost some five thousand transactions, and the last could starve.
type Queue struct {
	mu     sync.Mutex
	places map[string]*place
}

// place is a subject in use; users counts who holds it or waits for it.
type place struct {
	turn  chan struct{}
	users int
}

// Wait returns when it is the caller's turn; next ends it.
func (q *Queue) Wait(ctx context.Context, subject string) (next func(), err error) {
	if subject == "" {
		return func() {}, nil
	}
	p := q.take(subject)
	select {
	case p.turn <- struct{}{}:
		return func() { <-p.turn; q.drop(subject, p) }, nil
	case <-ctx.Done():
		q.drop(subject, p)
		return nil, ctx.Err()
	}
}

func (q *Queue) take(subject string) *place {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := q.places[subject]
	if p == nil {
		p = &place{turn: make(chan struct{}, 1)}
		if q.places == nil {
			q.places = make(map[string]*place)
		}
		q.places[subject] = p
	}
	p.users++
	return p
}

func (q *Queue) drop(subject string, p *place) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.users--; p.users == 0 {
		delete(q.places, subject)
	}
}

// Transactions with one subject wait for each other, so conflicts come only from changes of
// shared keys with other subjects; a few attempts are plenty.
const (
	maxAttempts = 30
	firstPause  = time.Millisecond
	longPause   = 32 * time.Millisecond
)

// Retry calls attempt until it returns another error than ErrConflict, with random pauses.
func Retry(ctx context.Context, attempt func() error) error {
	pause := firstPause
	for range maxAttempts {
		if err := attempt(); !errors.Is(err, ErrConflict) {
			return err
		}
		if err := sleep(ctx, rand.N(pause)); err != nil {
			return err
		}
		pause = min(2*pause, longPause)
	}
	return ErrConflict
}

func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// feedSize is how many changes a Feed remembers.
const feedSize = 4096

// Feed is a change feed within one process. It keeps nothing until it is first asked.
type Feed struct {
	used atomic.Bool

	mu      sync.Mutex
	first   uint64 // the position before changes[0]
	changes []Change
}

// Publish appends a change. It is called after the commit of every transaction: a caller of
// Since that came before sees the change, one that comes later reads what was committed.
func (f *Feed) Publish(keys [][]byte) {
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

// Since implements Engine.Changes.
func (f *Feed) Since(after uint64) ([]Change, uint64, error) {
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
