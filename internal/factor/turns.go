package factor

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

// turns lets one attempt per user wait for a hash or compute one; further attempts of that user
// wait in the user's own line. The queue of hashing is first in, first out for all users of the
// process. Without turns, many wrong codes of one user would therefore delay the codes of all
// others. The zero value is ready, and safe for concurrent use.
type turns struct {
	mu    sync.Mutex
	lines map[string]*line
}

// line is the line of one user.
type line struct {
	turn *semaphore.Weighted
	// size is how many attempts wait for the turn or have it; the mutex of turns guards it.
	size int
}

// take waits for the user's turn and then for a slot of hashing. release gives both back.
func (t *turns) take(ctx context.Context, user string) (release func(), err error) {
	l := t.join(user)
	if err := l.turn.Acquire(ctx, 1); err != nil {
		t.leave(user, l)
		return nil, err
	}
	done := func() {
		l.turn.Release(1)
		t.leave(user, l)
	}
	if err := hashing.Acquire(ctx, 1); err != nil {
		done()
		return nil, err
	}
	return func() {
		hashing.Release(1)
		done()
	}, nil
}

func (t *turns) join(user string) *line {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lines == nil {
		t.lines = make(map[string]*line)
	}
	l := t.lines[user]
	if l == nil {
		l = &line{turn: semaphore.NewWeighted(1)}
		t.lines[user] = l
	}
	l.size++
	return l
}

func (t *turns) leave(user string, l *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.size--; l.size == 0 {
		delete(t.lines, user)
	}
}
