package audit

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/store"
)

// fake is a store in memory, for time that stands still while nothing happens.
type fake struct {
	Store
	pending [][]byte
	chain   []store.Entry
	broken  atomic.Bool
	pruned  time.Time
	clock   []byte
}

var errBroken = errors.New("the disk is gone")

func (f *fake) Record(_ context.Context, events ...store.Event) error {
	if f.broken.Load() {
		return errBroken
	}
	for _, e := range events {
		raw, err := store.MarshalEvent(e)
		if err != nil {
			return err
		}
		f.pending = append(f.pending, raw)
	}
	return nil
}

func (f *fake) Settle(_ context.Context, limit int, fn func(store.Entry, [][]byte) (store.Settled, error)) (int, error) {
	if f.broken.Load() {
		return 0, errBroken
	}
	n := min(limit, len(f.pending))
	if n == 0 {
		return 0, nil
	}
	last, _ := f.LastEntry(context.Background())
	settled, err := fn(last, f.pending[:n])
	f.pending = f.pending[n:]
	f.chain = append(f.chain, settled.Entries...)
	return n, err
}

func (f *fake) LastEntry(context.Context) (store.Entry, error) {
	if len(f.chain) == 0 {
		return store.Entry{}, store.ErrNotFound
	}
	return f.chain[len(f.chain)-1], nil
}

func (f *fake) UpdateMeta(_ context.Context, _ string, fn func([]byte) ([]byte, error)) (err error) {
	f.clock, err = fn(f.clock)
	return err
}

func (f *fake) PruneEntries(_ context.Context, before time.Time, _ int) (int, error) {
	f.pruned = before
	return 0, nil
}

// running is a log that runs until the test ends.
func running(t *testing.T, log *zap.Logger) (*Log, *fake) {
	f := &fake{}
	l := New(Options{Store: f, Logger: func() *zap.Logger { return log }, Keep: func() time.Duration { return 240 * time.Hour }, Clock: time.Now})
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go l.Run(ctx)
	return l, f
}

// TestLog_Heads: the head is logged a minute after it changed at most, and once.
func TestLog_Heads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		l, f := running(t, zap.New(core))
		heads := func() int { return logs.FilterMessage(headMessage).Len() }
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if heads() != 0 {
			t.Error("nothing has a head")
		}
		l.Note(store.Event{At: time.Now(), Kind: store.EventRestored})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := logs.FilterMessage(eventMessage).Len(); n != 1 || heads() != 0 {
			t.Errorf("%d events, %d heads", n, heads())
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if heads() != 1 {
			t.Errorf("%d heads, want 1", heads())
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if age := time.Since(f.pruned); age < 240*time.Hour || age > 242*time.Hour {
			t.Errorf("forgets what is older than %v", age)
		}
	})
}

// TestLog_Aggregates: what users can cause at will becomes one event with a count, and
// each reason and user has its own.
func TestLog_Aggregates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, f := running(t, zap.NewNop())
		for minute := range 60 {
			for range 100 {
				l.Note(store.Event{At: time.Now(), Kind: store.EventUnknownAnswer, Realm: "r", Reason: "status 500"})
			}
			l.Note(store.Event{At: time.Now(), Kind: store.EventUnknownAnswer, Realm: "r", Reason: fmt.Sprint("reason ", minute)})
			if minute < 2 {
				for range 50 {
					l.Note(store.Event{At: time.Now(), Kind: store.EventSignIn, Realm: "r", User: "eve"})
				}
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		counts, total := map[string]int{}, map[string]int{}
		for _, e := range f.chain {
			key := e.Event.Kind + " " + e.Event.Reason
			counts[key]++
			n := 1
			if more := e.Event.Detail["count"]; more != "" {
				_, _ = fmt.Sscan(more, &n)
			}
			total[key] += n
		}
		if n := counts["unknown_answer status 500"]; n < 6 || n > 8 || total["unknown_answer status 500"] != 6000 {
			t.Errorf("%d events about %d answers", n, total["unknown_answer status 500"])
		}
		if n := counts["sign_in "]; n != 31 || total["sign_in "] != 100 {
			t.Errorf("%d events about %d sign-ins", n, total["sign_in "])
		}
		if n := len(counts); n < maxReasons || n > 70 {
			t.Errorf("%d kinds and reasons", n)
		}
	})
}

// TestLog_Reasons: reasons without end become one.
func TestLog_Reasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, f := running(t, zap.NewNop())
		for i := range 5000 {
			l.Note(store.Event{At: time.Now(), Kind: store.EventUnknownAnswer, Realm: "r", Reason: fmt.Sprint("reason ", i)})
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := len(f.chain); n != maxReasons+1 || f.chain[maxReasons].Event.Reason != otherwise {
			t.Errorf("%d events", n)
		}
	})
}

// TestLog_StoreFails: while nothing can be written no request waits, what was noted is
// kept, within bounds, and the log is not filled with the same line.
func TestLog_StoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		l, f := running(t, zap.New(core))
		f.broken.Store(true)
		l.Note(store.Event{At: time.Now(), Kind: store.EventRestored})
		for range 3 * maxNoted {
			l.Note(store.Event{At: time.Now(), Kind: store.EventExported})
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := logs.Len(); n < 5 || n > 40 {
			t.Errorf("%d lines in ten minutes", n)
		}
		f.broken.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		lost := logs.FilterMessage("events are missing in the audit log: there were too many at a time").All()
		if len(f.chain) < maxNoted || len(lost) == 0 {
			t.Errorf("%d events kept, %d times told what was lost", len(f.chain), len(lost))
		}
		n := len(f.chain)
		for _, line := range lost {
			n += int(line.ContextMap()["events"].(uint64))
		}
		if n != 3*maxNoted+1 {
			t.Errorf("%d events are kept or told to be lost, of %d", n, 3*maxNoted+1)
		}
	})
}

// TestLog_NoConfiguration: without a log, events stay pending.
func TestLog_NoConfiguration(t *testing.T) {
	f := &fake{}
	l := New(Options{Store: f, Logger: func() *zap.Logger { return nil }, Keep: func() time.Duration { return 0 }, Clock: time.Now})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); l.Run(ctx) }()
	l.Note(store.Event{At: time.Now(), Kind: store.EventRestored})
	l.Flush(ctx)
	stop()
	<-ended
	l.Flush(context.Background()) // comes back
	if len(f.chain) != 0 || len(f.pending) != 1 {
		t.Errorf("%d settled, %d pending", len(f.chain), len(f.pending))
	}
}
