package audit

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// run runs a log over f for a while, with the clock ahead by that much.
func runAhead(t *testing.T, f *fake, ahead, while time.Duration) {
	t.Helper()
	l := New(Options{Store: f, Logger: zap.NewNop, Keep: func() time.Duration { return 240 * time.Hour },
		Clock: func() time.Time { return time.Now().Add(ahead) }})
	ctx, stop := context.WithCancel(t.Context())
	go l.Run(ctx)
	time.Sleep(while)
	stop()
	<-l.ended
}

// TestAttack_J5_PruneByWrongClock: a server that starts with its clock 900 days ahead, again
// and again, removes nothing but what a few weeks explain.
func TestAttack_J5_PruneByWrongClock(t *testing.T) {
	const ahead = 900 * 24 * time.Hour
	for name, before := range map[string]func(t *testing.T, f *fake){
		"no time is kept yet": func(t *testing.T, f *fake) {},
		"a time is kept":      func(t *testing.T, f *fake) { runAhead(t, f, 0, 3*time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fake{}
				if err := f.Record(t.Context(), store.Event{At: time.Now(), Kind: store.EventRestored}); err != nil {
					t.Fatal(err)
				}
				runAhead(t, f, 0, 10*time.Second) // settles it
				before(t, f)
				for range 3 {
					runAhead(t, f, ahead, 3*time.Hour)
				}
				if left := time.Since(f.pruned); left < (240-24*24)*time.Hour {
					t.Errorf("everything is removed up to %v before now", left)
				}
			})
		})
	}
}

// TestPruneAfterDownTime: a server that was down for longer than a clock is believed at once catches up.
func TestPruneAfterDownTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		runAhead(t, f, 0, 2*time.Hour)
		time.Sleep(12 * 24 * time.Hour)
		runAhead(t, f, 0, 6*24*time.Hour)
		if age := time.Since(f.pruned); age < 240*time.Hour || age > 242*time.Hour {
			t.Errorf("removes what is older than %v", age)
		}
	})
}
