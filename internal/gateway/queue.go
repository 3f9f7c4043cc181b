package gateway

import (
	"context"
	"errors"
	"sync"
	"time"
)

// maxWaiting bounds the unsafe requests that wait in one visit.
const maxWaiting = 64

// errBusy says that too many unsafe requests wait in one visit, or one waited too long.
var errBusy = errors.New("too many requests of this visit are waiting")

// queueDeadline is how long an unsafe request waits for those before it.
const queueDeadline = 2 * time.Minute

// queue lets a visit's unsafe requests run one after another, and tells safe ones
// whether they overlapped any. A request counts as running until its headers are
// released.
type queue struct {
	turn chan struct{}
	mu   sync.Mutex
	// started counts all that ever ran, running those that run, waiting those that wait.
	started uint64
	running int
	waiting int
	// unsettled are safe requests that seem to have changed whose the visit is, and are
	// being judged for it. They take no turn.
	unsettled int
}

func newQueue() queue { return queue{turn: make(chan struct{}, 1)} }

// enter waits for the turn; leave, which may be called more than once, gives it up.
func (q *queue) enter(ctx context.Context) (leave func(), err error) {
	q.mu.Lock()
	if q.waiting >= maxWaiting {
		q.mu.Unlock()
		return nil, errBusy
	}
	q.waiting++
	q.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, queueDeadline)
	defer cancel()
	select {
	case q.turn <- struct{}{}:
	case <-ctx.Done():
		err = errBusy
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting--
	if err != nil {
		return nil, err
	}
	q.started++
	q.running++
	return sync.OnceFunc(q.leave), nil
}

func (q *queue) leave() {
	q.mu.Lock()
	q.running--
	q.mu.Unlock()
	<-q.turn
}

// unsettle says that a safe request seems to have changed whose the visit is, until
// settled is called: those beside it are treated as beside an unsafe one.
func (q *queue) unsettle() (settled func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.started++
	q.unsettled++
	return sync.OnceFunc(q.settle)
}

func (q *queue) settle() {
	q.mu.Lock()
	q.unsettled--
	q.mu.Unlock()
}

// mark is a point in time, to be compared with overlapped.
func (q *queue) mark() (started uint64, running bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.started, q.running+q.unsettled > 0
}

// busy reports whether more requests than the caller's own may be changing whose the
// visit is.
func (q *queue) busy(own int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.running+q.unsettled > own
}
