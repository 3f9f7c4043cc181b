package visits

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestExclusive_OneAfterAnother: exclusive requests never overlap, and each is a changer
// while it has its turn.
func TestExclusive_OneAfterAnother(t *testing.T) {
	c := newConcurrency()
	_, first, err := c.Exclusive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, _, err := c.Exclusive(soon); !errors.Is(err, ErrBusy) {
		t.Errorf("beside one that runs: %v", err)
	}
	first()
	running := 0 // only the turn guards it: the race detector watches
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			_, leave, err := c.Exclusive(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			c.Start()
			if running++; running != 1 || !c.Changers(0) || c.Changers(1) {
				t.Errorf("%d run at once; changers %v", running, c.Changers(0))
			}
			running--
			leave()
			leave() // twice is once
		})
	}
	wg.Wait()
	if m := c.Mark(); m.begun != 40 || m.entered != 41 || m.open != 0 || c.Changers(0) {
		t.Errorf("begun %d, open %d", m.begun, m.open)
	}
}

// TestExclusive_Order: exclusive requests get their turns in the order in which they came.
func TestExclusive_Order(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConcurrency()
		_, leave, err := c.Exclusive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var order []int
		for i := range 5 {
			go func() {
				_, leave, err := c.Exclusive(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i)
				leave()
			}()
			synctest.Wait()
		}
		leave()
		synctest.Wait()
		if !slices.Equal(order, []int{0, 1, 2, 3, 4}) {
			t.Errorf("order %v", order)
		}
	})
}

// TestExclusive_Bounded: 64 wait; one more is refused at once; one that waits too long is
// refused, too.
func TestExclusive_Bounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConcurrency()
		_, leave, err := c.Exclusive(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var wg sync.WaitGroup
		for range maxWaiting {
			wg.Go(func() {
				if _, _, err := c.Exclusive(t.Context()); !errors.Is(err, ErrBusy) || time.Since(began) != turnDeadline {
					t.Errorf("one that waits: %v after %v", err, time.Since(began))
				}
			})
		}
		synctest.Wait()
		if _, _, err := c.Exclusive(t.Context()); !errors.Is(err, ErrBusy) || time.Since(began) != 0 {
			t.Errorf("one too many: %v after %v", err, time.Since(began))
		}
		wg.Wait()
		leave()
		if _, leave, err = c.Exclusive(t.Context()); err != nil {
			t.Fatalf("after all had left: %v", err)
		}
		leave()
	})
}

// TestBar: if the visit's user may not pass, an exclusive request waits for the shared ones that
// run, and shared ones that arrive in the meantime wait for it.
func TestBar(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConcurrency()
		if err := c.Shared(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		barred, began := false, false
		var unbar func()
		go func() { unbar = c.Bar(t.Context(), FormWait); barred = true }()
		synctest.Wait()
		go func() {
			if err := c.Shared(t.Context(), false); err != nil {
				t.Error(err)
				return
			}
			began = true
			c.LeaveShared()
		}()
		synctest.Wait()
		if barred || began {
			t.Fatalf("beside a shared request that runs: barred %v, another began %v", barred, began)
		}
		c.LeaveShared()
		synctest.Wait()
		if !barred || began {
			t.Fatalf("after it: barred %v, another began %v", barred, began)
		}
		unbar()
		unbar()
		synctest.Wait()
		if !began || c.Mark().shared != 0 || c.barring != 0 {
			t.Errorf("after all: began %v, %d shared, %d barring", began, c.Mark().shared, c.barring)
		}
	})
}

// TestBar_LongPoll: a shared request that does not end holds an exclusive one up for a while,
// not for ever.
func TestBar_LongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConcurrency()
		if err := c.Shared(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		c.Bar(t.Context(), FormWait)()
		if took := time.Since(began); took != FormWait {
			t.Errorf("waited %v", took)
		}
	})
}

// TestShared_Free: if the visit's user may pass, shared requests wait for no other. If not, they
// wait, two minutes at most.
func TestShared_Free(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConcurrency()
		defer c.Bar(t.Context(), FormWait)()
		began := time.Now()
		if err := c.Shared(t.Context(), true); err != nil || time.Since(began) != 0 || c.Mark().shared != 1 {
			t.Errorf("free: %v after %v", err, time.Since(began))
		}
		if err := c.Shared(t.Context(), false); !errors.Is(err, ErrBusy) || time.Since(began) != turnDeadline {
			t.Errorf("not free: %v after %v", err, time.Since(began))
		}
		if c.Mark().shared != 1 {
			t.Errorf("%d run", c.Mark().shared)
		}
	})
}

// TestChangersSince: a changer counts for a shared request if it was open when that request
// began, or began later. The request itself does not count. Rule H6: a stream sees a sign-in
// that overlaps it.
func TestChangersSince(t *testing.T) {
	c := newConcurrency()
	before := c.Mark()
	if c.ChangersSince(before, 0) {
		t.Error("a changer before any came")
	}
	_, leave, err := c.Exclusive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c.ChangersSince(before, 0) || !c.Changers(0) {
		t.Error("a changer that has not started counts, or is not open")
	}
	c.Start()
	during := c.Mark()
	if !c.ChangersSince(before, 0) || !c.ChangersSince(during, 0) {
		t.Error("an open changer is not seen")
	}
	leave()
	after := c.Mark()
	if !c.ChangersSince(before, 0) || !c.ChangersSince(during, 0) {
		t.Error("a changer that ended meanwhile is not seen")
	}
	if c.ChangersSince(after, 0) {
		t.Error("a changer that ended before counts")
	}
	own := c.Suspect()
	if c.ChangersSince(after, 1) || c.Changers(1) {
		t.Error("a request's own suspicion counts for itself")
	}
	if !c.ChangersSince(after, 0) || !c.Changers(0) {
		t.Error("a suspect response does not count for others")
	}
	other := c.Suspect()
	if !c.ChangersSince(after, 1) || !c.Changers(1) {
		t.Error("another suspect response does not count")
	}
	other()
	own()
	own()
	if c.Changers(0) || c.open.Load() != 0 {
		t.Errorf("%d are open", c.open.Load())
	}
}

// TestSharedSince: a shared request counts if it ran at the mark or began since.
func TestSharedSince(t *testing.T) {
	c := newConcurrency()
	none := c.Mark()
	if c.SharedSince(none) {
		t.Error("one ran before any came")
	}
	if err := c.Shared(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	during := c.Mark()
	c.LeaveShared()
	after := c.Mark()
	if !c.SharedSince(none) || !c.SharedSince(during) || c.SharedSince(after) {
		t.Errorf("since before %v, since one ran %v, since after %v", c.SharedSince(none), c.SharedSince(during), c.SharedSince(after))
	}
}

// TestUnrest: it grows with every changer that begins, and with what stirs the visit
// otherwise.
func TestUnrest(t *testing.T) {
	c := newConcurrency()
	last := c.SignInEpoch()
	grows := func(what string, want bool) {
		t.Helper()
		if now := c.SignInEpoch(); (now > last) != want {
			t.Errorf("%s: %d after %d", what, now, last)
		}
		last = c.SignInEpoch()
	}
	_, leave, err := c.Exclusive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	grows("an exclusive request", true)
	leave()
	if err := c.Shared(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	c.LeaveShared()
	grows("a shared request", false)
	c.Suspect()()
	grows("a suspect response", true)
	c.BumpSignInEpoch()
	grows("a frame", true)
}

// TestJoin: a request that starts a visit counts as overlapping the visit's later requests until
// it ends.
func TestJoin(t *testing.T) {
	c := newConcurrency()
	first := c.Mark()
	leave := c.Join()
	if !c.SharedSince(first) || !c.SharedSince(c.Mark()) {
		t.Error("it does not count")
	}
	leave()
	leave()
	if c.SharedSince(c.Mark()) {
		t.Error("it counts after its end")
	}
}

// TestExclusive_Yields: an exclusive request that yields lets the next one run. Until its end it
// is a changer, and counts as overlapping the next one.
func TestExclusive_Yields(t *testing.T) {
	c := newConcurrency()
	yield, leave, err := c.Exclusive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	first := c.Mark()
	yield()
	yield()
	_, next, err := c.Exclusive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	second := c.Mark()
	if !c.Changers(1) || !c.OthersSince(first) || !c.OthersSince(second) || !c.SharedSince(second) {
		t.Errorf("changers %v, beside the first %v, beside the second %v, %v", c.Changers(1), c.OthersSince(first), c.OthersSince(second), c.SharedSince(second))
	}
	leave()
	leave()
	next()
	yield, last, err := c.Exclusive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Start()
	third := c.Mark()
	if c.Changers(1) || c.OthersSince(third) || c.SharedSince(third) {
		t.Error("after both are over, they still count")
	}
	last()
	yield()
	if now := c.Mark(); now.shared != 0 || now.open != 0 {
		t.Errorf("at the end %+v", now)
	}
}

// TestBar_Fair: shared requests that waited begin before the next exclusive request can bar.
func TestBar_Fair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConcurrency()
		lift := c.Bar(t.Context(), FormWait)
		page := make(chan error)
		go func() { page <- c.Shared(t.Context(), false) }()
		synctest.Wait()
		lift()
		lifted := make(chan func())
		go func() { lifted <- c.Bar(t.Context(), FormWait) }()
		if err := <-page; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		select {
		case <-lifted:
			t.Error("the next one did not wait for the page")
		default:
		}
		c.LeaveShared()
		(<-lifted)()
		if m := c.Mark(); m.shared != 0 || m.sharedBegun != 1 {
			t.Errorf("at the end %+v", m)
		}
	})
}
