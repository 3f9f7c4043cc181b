package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
)

// aloneWait is how long an unsafe request waits for the safe ones that are under way.
const aloneWait = 2 * time.Second

// beside counts a visit's safe requests. A question tells whose the visit is when it is
// asked, not whose it was a moment before: a safe request that signs out at once hides
// a sign-in from it, and with that what was shown in between. So where nobody has
// passed yet, those that may sign in run without any beside them; where somebody has,
// safe requests run freely, and what comes of it is doubted (see exchange.mixed).
type beside struct {
	mu sync.Mutex
	// running are safe requests whose headers are not released, started all there ever were.
	running int
	started uint64
	// alone counts the unsafe requests that want nobody beside them.
	alone int
	// changed is closed when one of the numbers falls; nil while nobody waits for that.
	changed chan struct{}
}

// join lets a safe request run; free ones don't wait for those that run alone.
func (b *beside) join(ctx context.Context, free bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !free && b.alone > 0 {
		ctx, cancel := context.WithTimeout(ctx, queueDeadline)
		defer cancel()
		for b.alone > 0 {
			if !b.await(ctx) {
				return errBusy
			}
		}
	}
	b.running++
	b.started++
	return nil
}

// stand is where an unsafe request found the others.
type stand struct {
	running int
	started uint64
}

// apart lets an unsafe request run alone, as far as waiting helps.
func (b *beside) apart(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.alone++
	if b.running > 0 {
		ctx, cancel := context.WithTimeout(ctx, aloneWait)
		defer cancel()
		for b.running > 0 && b.await(ctx) {
			continue
		}
	}
}

// stand is how the others stand now.
func (b *beside) stand() stand {
	b.mu.Lock()
	defer b.mu.Unlock()
	return stand{b.running, b.started}
}

// await waits for a number to fall; the caller holds mu.
func (b *beside) await(ctx context.Context) bool {
	if b.changed == nil {
		b.changed = make(chan struct{})
	}
	changed := b.changed
	b.mu.Unlock()
	defer b.mu.Lock()
	select {
	case <-changed:
		return true
	case <-ctx.Done():
		return false
	}
}

// fall lowers one of the numbers.
func (b *beside) fall(n *int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	*n--
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

// standBeside gives the request its place among the visit's others.
func (x *exchange) standBeside() error {
	if x.visit == nil {
		return nil
	}
	b := &x.visit.beside
	free := x.visit.passes.Load() || x.live()
	switch {
	case x.held() && !free:
		b.apart(x.r.Context())
		x.counted = &b.alone
	case !x.held() && (free || !x.asset):
		if err := b.join(x.r.Context(), free); err != nil {
			return err
		}
		x.counted = &b.running
		x.started, x.overlap = x.visit.queue.mark()
	}
	x.stood, x.hands = b.stand(), x.visit.hands.Load()
	return nil
}

// mixed reports whether an answer that names nobody proves nothing about a response,
// because somebody may have signed in and out beside it. An unsafe request is doubted
// where it could be such a sign-in.
func (x *exchange) mixed() bool {
	if !x.held() {
		return x.doubted && !x.g.Rotates
	}
	switch {
	case x.any(x.g.Rules.SignOut):
		return false
	case x.stood.running > 0:
		return true // something ran on when it had waited
	case !x.signIn && !x.before.MayPass():
		return false // nothing could run beside it
	}
	return x.visit.beside.stand() != x.stood
}

// passOn tells what else the visit has open that its user is not there any more, or
// that there is one who owes. This response stands on what was found out; a declared
// sign-out that left nobody does even where another request found that out before it.
func (x *exchange) passOn(after gate.Answer) {
	if x.visit == nil {
		return
	}
	now := x.visit.hands.Add(1)
	if now == x.hands+1 || after == gate.Anonymous && x.held() && x.any(x.g.Rules.SignOut) {
		x.hands = now
	}
}

// displaced reports whether whose the visit is changed since the request came.
func (x *exchange) displaced() bool {
	return x.visit != nil && x.visit.hands.Load() != x.hands
}
