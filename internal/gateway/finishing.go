package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// finishTime is how long a request goes on at the portal after its client left.
	finishTime = 30 * time.Second
	// watchInterval is how often unfinished.watch checks which clients left.
	watchInterval = time.Second
)

// finishing is the context of a request at the portal. It outlives the client until the response
// is over. Otherwise a client could leave during a sign-in, which the portal completes all the
// same; the gate would not notice, and serve later requests by the answer from before it. The
// context ends
//
//  1. with cancel or close;
//  2. finishTime after the client left;
//  3. once release was called, as soon as the client has left.
//
// The gate detects within watchInterval that a client left.
//
// The embedded context is one of package context's own: a context that is derived from another
// kind, as reverse_proxy and http.Transport each derive one, costs a goroutine.
type finishing struct {
	context.Context
	end    context.CancelFunc
	client context.Context
	// mayEnd says that release was called.
	mayEnd atomic.Bool
	// closed says that close was called.
	closed atomic.Bool

	in *unfinished
	// expires is when the clearance ends that the response is released on, in Unix
	// nanoseconds; 0 for never. leftAt is when the client was found to have left, as a time
	// since in.began; 0 for one that did not. prev and next are the neighbours in the list.
	// All but expires are guarded by in.mu.
	expires    int64
	leftAt     time.Duration
	prev, next *finishing
}

// unfinished lists the requests that are at the portal. One timer looks after their
// clients: context.AfterFunc for each request costs twenty times as much.
type unfinished struct {
	mu    sync.Mutex
	first *finishing
	// clock tells when clearances end. began is the origin of leftAt; it is a monotonic time.
	clock func() time.Time
	began time.Time
	// watching says that the timer runs.
	watching bool
}

// finish returns the context of a request at the portal, derived from the client's. The caller
// calls cancel. expires is when the response is closed at the latest, in Unix nanoseconds; 0 for
// never.
func (u *unfinished) finish(client context.Context, expires int64) *finishing {
	f := &finishing{client: client, in: u, expires: expires}
	f.Context, f.end = context.WithCancel(context.WithoutCancel(client))
	u.mu.Lock()
	defer u.mu.Unlock()
	if f.next = u.first; f.next != nil {
		f.next.prev = f
	}
	u.first = f
	if !u.watching {
		u.watching = true
		time.AfterFunc(watchInterval, u.watch)
	}
	return f
}

// watch ends the requests of clients that left and of clearances that ran out, and looks
// again while there are requests.
func (u *unfinished) watch() {
	left, expired := u.due(u.clock().UnixNano(), time.Since(u.began))
	for _, f := range left {
		f.end()
	}
	for _, f := range expired {
		f.close()
	}
}

// due returns the requests that end now, and starts the timer again while there are requests.
func (u *unfinished) due(now int64, elapsed time.Duration) (left, expired []*finishing) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for f := u.first; f != nil; f = f.next {
		if f.expires != 0 && now >= f.expires {
			expired = append(expired, f)
			continue
		}
		if f.client.Err() == nil {
			continue
		}
		if f.leftAt == 0 {
			f.leftAt = elapsed
		}
		if f.mayEnd.Load() || elapsed-f.leftAt >= finishTime {
			left = append(left, f)
		}
	}
	if u.watching = u.first != nil; u.watching {
		time.AfterFunc(watchInterval, u.watch)
	}
	return left, expired
}

// release allows the request to be ended as soon as the client has left. It is called once the rest
// of the response needs no check.
func (f *finishing) release() {
	f.mayEnd.Store(true)
	if f.client.Err() != nil {
		f.end()
	}
}

// close ends the request, and makes Lost report true. The latter ends a response that is released
// already: a handler behind the gate may ignore the context, as Caddy's reverse_proxy does with
// `flush_interval -1`.
func (f *finishing) close() {
	f.closed.Store(true)
	f.cancel()
}

// cancel ends the request. It may be called more than once.
func (f *finishing) cancel() {
	f.in.remove(f)
	f.end()
}

func (u *unfinished) remove(f *finishing) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case f.prev != nil:
		f.prev.next = f.next
	case u.first == f:
		u.first = f.next
	}
	if f.next != nil {
		f.next.prev = f.prev
	}
	f.prev, f.next = nil, nil
}
