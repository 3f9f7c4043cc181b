package server

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/secondgate/secondgate/internal/store"
)

// TestAttack_J5_AheadIsTold: an audit entry ahead of the clock leads to a warning, once an hour.
func TestAttack_J5_AheadIsTold(t *testing.T) {
	core, logs := observer.New(zap.ErrorLevel)
	w := newWatch(nil, zap.New(core))
	now := time.Now()
	entry := func(ahead time.Duration) store.Entry {
		return store.Entry{Seq: 7, Event: store.Event{At: now.Add(ahead)}}
	}
	w.warnOfAhead(store.Entry{}, now)
	w.warnOfAhead(entry(-time.Hour), now)
	w.warnOfAhead(entry(time.Minute), now)
	if n := logs.Len(); n != 0 {
		t.Errorf("%d lines while the clock is right", n)
	}
	w.warnOfAhead(entry(900*24*time.Hour), now)
	w.warnOfAhead(entry(900*24*time.Hour), now)
	if n := logs.Len(); n != 1 {
		t.Errorf("%d lines, want one", n)
	}
}
