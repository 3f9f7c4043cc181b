package gateway

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
)

// TestQueue_OneAfterAnother: a turn is given up before the next begins.
func TestQueue_OneAfterAnother(t *testing.T) {
	q := newQueue()
	first, err := q.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := q.enter(soon); !errors.Is(err, errBusy) {
		t.Errorf("beside one that runs: %v", err)
	}
	first()
	running := 0 // guarded by the turn itself: the race detector watches
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			leave, err := q.enter(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			if running++; running != 1 {
				t.Errorf("%d run at once", running)
			}
			running--
			leave()
			leave() // twice is once
		})
	}
	wg.Wait()
	if started, busy := q.mark(); started != 41 || busy {
		t.Errorf("started %d, busy %v", started, busy)
	}
}

// TestQueue_Bounded: 64 wait, the 65th is told so at once.
func TestQueue_Bounded(t *testing.T) {
	q := newQueue()
	leave, err := q.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range maxWaiting {
		wg.Go(func() {
			if _, err := q.enter(ctx); !errors.Is(err, errBusy) {
				t.Errorf("a waiting request whose client left: %v", err)
			}
		})
	}
	for waiting := 0; waiting < maxWaiting; {
		q.mu.Lock()
		waiting = q.waiting
		q.mu.Unlock()
	}
	told := make(chan error, 1)
	go func() { _, err := q.enter(ctx); told <- err }()
	select {
	case err := <-told:
		if !errors.Is(err, errBusy) {
			t.Errorf("one too many: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("one too many waits as well")
	}
	cancel()
	wg.Wait()
	leave()
	leave, err = q.enter(t.Context())
	if err != nil {
		t.Fatalf("after all had left: %v", err)
	}
	leave()
}

// TestQueue_Mark: whoever comes while one runs, or is there when one starts, sees it.
func TestQueue_Mark(t *testing.T) {
	q := newQueue()
	before, busy := q.mark()
	if busy {
		t.Error("busy before anybody came")
	}
	leave, err := q.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	during, busy := q.mark()
	if !busy || during == before {
		t.Error("a running request is not seen")
	}
	leave()
	after, busy := q.mark()
	if busy || after == before {
		t.Error("a request that ran in between is not seen")
	}
}
