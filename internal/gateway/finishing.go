package gateway

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// finishTime is how long a request goes on at the portal after its client left.
const finishTime = 30 * time.Second

// finishing is the context of a request at the portal. It outlives the client until the
// response is over, because what the portal does must not happen unnoticed: a sign-in
// whose client left would be served by the answer from before it. It ends with cancel,
// finishTime after the client left, or, once release was called, with the client.
type finishing struct {
	context.Context // the client's
	done            chan struct{}
	once            sync.Once
	ended           atomic.Bool
	mayEnd          atomic.Bool
	unwatch         func() bool
}

// finish returns the context of the request with the client's context.
func finish(client context.Context) *finishing {
	f := &finishing{Context: client, done: make(chan struct{})}
	f.unwatch = context.AfterFunc(client, f.left)
	return f
}

// left is called when the client left.
func (f *finishing) left() {
	if f.mayEnd.Load() {
		f.cancel()
		return
	}
	t := time.AfterFunc(finishTime, f.cancel)
	go func() {
		<-f.done
		t.Stop()
	}()
}

// release lets the request end with its client.
func (f *finishing) release() {
	f.mayEnd.Store(true)
	if f.Context.Err() != nil {
		f.cancel()
	}
}

func (f *finishing) cancel() {
	f.once.Do(func() {
		f.ended.Store(true)
		close(f.done)
		f.unwatch()
	})
}

// Done implements context.Context.
func (f *finishing) Done() <-chan struct{} { return f.done }

// Err implements context.Context.
func (f *finishing) Err() error {
	if !f.ended.Load() {
		return nil
	}
	return context.Canceled
}

// Deadline implements context.Context: there is none.
func (f *finishing) Deadline() (time.Time, bool) { return time.Time{}, false }
