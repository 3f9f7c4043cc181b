package visits

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxWaiting bounds the exclusive requests that wait in one visit.
	maxWaiting = 64
	// turnDeadline is how long an exclusive request waits for those before it.
	turnDeadline = 2 * time.Minute
	// SignInWait is how long a sign-in waits for the shared requests that run.
	SignInWait = 2 * time.Second
	// FormWait is how long any other form waits for them. It is longer than most long polls
	// take. If the form ran while a long poll is open, an anonymous answer would prove nothing:
	// the portal would process the form, and its response would be withheld. For a sign-in this
	// matters less, because it seldom ends in an anonymous answer.
	FormWait = 40 * time.Second
)

// ErrBusy reports that too many requests of one visit wait, or that one waited too long.
var ErrBusy = errors.New("too many requests of this visit are waiting")

// Concurrency lets the requests of one visit run shared or exclusive.
//
// Exclusive requests may change who is signed in: unsafe ones, declared sign-ins and sign-outs.
// They run one after another. If the visit's user may not pass, an exclusive request also waits
// until the shared ones have ended, and new shared ones wait for it. The reason: a question
// tells who is signed in at that moment. A shared request that signs out just before could hide
// a sign-in from the question. If the visit's user may pass, shared requests never wait; their
// responses are checked (see [Visit.Unsettled]).
//
// A changer is an open request that may change who is signed in: an exclusive one, or a shared
// one with a response that looks like a sign-in (see Suspect). A request is open until its
// response check is over.
type Concurrency struct {
	turn chan struct{}
	// open is the number of open changers; it is written with mu held.
	open atomic.Int32
	// signInEpoch counts everything that may have changed who is signed in; see SignInEpoch.
	signInEpoch atomic.Uint64

	mu      sync.Mutex
	waiting int
	// begun counts all changers, sharedBegun all shared requests that ever began; refused counts
	// exclusive requests that did not. begun is written with mu held.
	begun                atomic.Uint64
	sharedBegun, refused uint64
	// pending says that the exclusive request that has the turn is not at the portal yet; see
	// Start. It is not in begun.
	pending bool
	// shared counts the shared requests that run, barring the exclusive requests that keep shared
	// ones from beginning, and barred the shared requests that wait for those. lifted counts how
	// often the barred requests were let in together.
	shared, barring, barred int
	lifted                  uint64
	// released counts the requests that let others begin although their responses go on: by
	// ReleaseShared, or by the yield of Exclusive.
	released int
	// changed is closed when shared or barring falls; nil while no request waits for that.
	changed chan struct{}
}

func newConcurrency() Concurrency { return Concurrency{turn: make(chan struct{}, 1)} }

// Exclusive waits for the turn of an exclusive request and makes it a changer. yield lets the
// next exclusive request run, and leave ends the request; both may be called more than once. A
// request that yielded remains a changer and counts for SharedSince. The caller calls Start when
// the request is forwarded.
func (c *Concurrency) Exclusive(ctx context.Context) (yield, leave func(), err error) {
	c.mu.Lock()
	if c.waiting >= maxWaiting {
		c.mu.Unlock()
		return nil, nil, ErrBusy
	}
	c.waiting++
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, turnDeadline)
	defer cancel()
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		err = ErrBusy
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	if err != nil {
		return nil, nil, err
	}
	c.enter()
	c.pending = true
	var turn sync.Once
	released := 0
	yield = func() { turn.Do(func() { released = 1; c.add(&c.released, 1); <-c.turn }) }
	return yield, sync.OnceFunc(func() {
		c.end()
		turn.Do(func() { c.refuse(); <-c.turn })
		c.add(&c.released, -released)
	}), nil
}

// Suspect makes a shared request a changer, from its response's headers until leave.
func (c *Concurrency) Suspect() (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.begin()
	return sync.OnceFunc(c.end)
}

// Start marks that the exclusive request that has the turn is now forwarded. Before that, it
// can't have affected the shared requests that it waits for.
func (c *Concurrency) Start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending {
		c.pending = false
		c.begun.Add(1)
	}
}

// refuse ends an exclusive request that has the turn and may not have started.
func (c *Concurrency) refuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending {
		c.pending = false
		c.refused++
	}
}

func (c *Concurrency) begin() {
	c.enter()
	c.begun.Add(1)
}

// enter makes a request a changer; the caller holds mu.
func (c *Concurrency) enter() {
	c.signInEpoch.Add(1)
	c.open.Add(1)
}

// entered counts all changers that there ever were; the caller holds mu.
func (c *Concurrency) entered() uint64 {
	n := c.begun.Load() + c.refused
	if c.pending {
		n++
	}
	return n
}

func (c *Concurrency) end() {
	c.mu.Lock()
	c.open.Add(-1)
	c.mu.Unlock()
}

// Bar keeps shared requests from beginning until leave is called. Before it returns, it waits for
// the shared requests that run, at most for wait.
func (c *Concurrency) Bar(ctx context.Context, wait time.Duration) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.barring++
	if c.shared > 0 {
		ctx, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		for c.shared > 0 && c.await(ctx) {
			continue
		}
	}
	return sync.OnceFunc(c.liftBar)
}

// liftBar ends the bar of one request. Shared requests that wait begin before the next request
// can bar.
func (c *Concurrency) liftBar() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.barring == 1 {
		c.shared += c.barred
		c.sharedBegun += uint64(c.barred)
		c.barred = 0
		c.lifted++
	}
	c.fallLocked(&c.barring)
}

// Shared counts a shared request until LeaveShared. Without free it first waits until no exclusive
// request bars shared ones; it returns ErrBusy after turnDeadline.
func (c *Concurrency) Shared(ctx context.Context, free bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !free && c.barring > 0 {
		ctx, cancel := context.WithTimeout(ctx, turnDeadline)
		defer cancel()
		before := c.lifted
		c.barred++
		for c.lifted == before {
			if !c.await(ctx) && c.lifted == before {
				c.barred--
				return ErrBusy
			}
		}
		return nil // liftBar has counted it
	}
	c.shared++
	c.sharedBegun++
	return nil
}

// LeaveShared ends a shared request.
func (c *Concurrency) LeaveShared() { c.fall(&c.shared) }

// ReleaseShared lets other requests begin although the shared request continues, as a stream
// does. The request counts for SharedSince until EndReleased, because the effect of its end at
// the portal may hide the effect of another request.
func (c *Concurrency) ReleaseShared() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.released++
	c.fallLocked(&c.shared)
}

// Join counts the request that starts the visit like a shared request after ReleaseShared, until
// leave is called. leave may be called more than once.
func (c *Concurrency) Join() (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sharedBegun++
	c.released++
	return sync.OnceFunc(c.EndReleased)
}

// EndReleased ends a request after ReleaseShared.
func (c *Concurrency) EndReleased() { c.add(&c.released, -1) }

func (c *Concurrency) add(n *int, d int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n += d
}

// await waits until shared or barring falls; the caller holds mu.
func (c *Concurrency) await(ctx context.Context) bool {
	if c.changed == nil {
		c.changed = make(chan struct{})
	}
	changed := c.changed
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-changed:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Concurrency) fall(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fallLocked(n)
}

// fallLocked is fall for a caller that holds mu.
func (c *Concurrency) fallLocked(n *int) {
	*n--
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// Mark holds the counters of a Concurrency at one moment. The methods named Since compare it with
// the present counters.
type Mark struct {
	begun, sharedBegun, entered uint64
	open                        int32
	shared                      int
}

// Entered is the number of changers up to that moment.
func (m Mark) Entered() uint64 { return m.entered }

// Mark returns the present counters.
func (c *Concurrency) Mark() Mark {
	c.mu.Lock()
	defer c.mu.Unlock()
	open := c.open.Load()
	if c.pending {
		open--
	}
	return Mark{c.begun.Load(), c.sharedBegun, c.entered(), open, c.shared + c.released}
}

// SignInEpoch counts what may have changed who is signed in: changers that began, and calls of
// BumpSignInEpoch. Answers from before an increment have to be asked for again.
func (c *Concurrency) SignInEpoch() uint64 { return c.signInEpoch.Load() }

// BumpSignInEpoch increments SignInEpoch for a cause other than a request: bytes that a client
// sent through a tunnel.
func (c *Concurrency) BumpSignInEpoch() { c.signInEpoch.Add(1) }

// Entered counts all changers that there ever were, including those that have their turn but were
// not started.
func (c *Concurrency) Entered() uint64 { return c.Mark().entered }

// ChangersSince reports whether any changer was open at m or began since. It does not count own,
// the number of times that the calling shared request itself became a changer since m.
func (c *Concurrency) ChangersSince(m Mark, own int) bool {
	return m.open > 0 || c.begun.Load()-m.begun > uint64(own)
}

// OthersSince reports whether any other changer was open at m or began since. The caller is an
// exclusive request that had its turn at m.
func (c *Concurrency) OthersSince(m Mark) bool { return m.open > 1 || c.begun.Load() != m.begun }

// CutOff counts a request after ReleaseShared as one that the gate cut off, for d longer. At the
// end of such a request the portal may still change who is signed in, once.
func (c *Concurrency) CutOff(d time.Duration) {
	time.AfterFunc(d, c.EndReleased)
}

// SharedSince reports whether any shared request ran at m or began since.
func (c *Concurrency) SharedSince(m Mark) bool {
	now := c.Mark()
	return m.shared > 0 || now.sharedBegun != m.sharedBegun
}

// Changers reports whether more changers than own are open.
func (c *Concurrency) Changers(own int) bool { return int(c.open.Load()) > own }
