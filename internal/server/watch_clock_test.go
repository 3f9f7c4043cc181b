package server

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/clockdrift"
)

// TestLeanIsTold: an offset that customers' codes show leads to a warning, a metric and a field of
// the status, once an hour. A right clock leads to none.
func TestLeanIsTold(t *testing.T) {
	s, logs := watched(t)
	w := s.engine.watch
	late(s, 2*clockdrift.MinUsers, 25*time.Second) // what honest customers show
	w.warnOfLean(s.engine.drift.Estimate())
	if logs.FilterMessageSnippet("check the server's clock").Len() != 0 {
		t.Error("honest customers are told of")
	}
	if s := s.engine.clockStatus(); s.Lean == nil || s.Lean.Suspicious || !strings.Contains(s.Leaning(), "no more than customers differ") {
		t.Errorf("status: %+v", s.Lean)
	}
	if n := len(gather(t, s)["caddy_two_factor_clock_lean_seconds"]); n != 1 {
		t.Errorf("%d series of the lean", n)
	}
	late(s, 2*clockdrift.MinUsers, 50*time.Second)
	for range 3 {
		w.warnOfLean(s.engine.drift.Estimate())
	}
	told := logs.FilterMessageSnippet("check the server's clock").All()
	if len(told) != 1 || !strings.HasPrefix(told[0].Message, "codes lean 3") || !strings.Contains(told[0].Message, "s late: check") || told[0].Level != zap.WarnLevel {
		t.Fatalf("told: %+v", told)
	}
	if s := s.engine.clockStatus(); s.Lean == nil || !s.Lean.Suspicious || s.Lean.Late < 30 || !strings.HasSuffix(s.Leaning(), "check the server's clock") {
		t.Errorf("status: %+v", s.Lean)
	}
	late(s, 2*clockdrift.MinUsers, -10*time.Second)
	w.warned = time.Time{}
	w.warnOfLean(s.engine.drift.Estimate())
	if told = logs.FilterMessageSnippet("s early: check the server's clock").All(); len(told) != 1 {
		t.Fatalf("told: %+v", told)
	}
}

// TestClockIsSane: a clock that was never set, or that is known to be wrong, is not sane. A clock
// without a measurement is.
func TestClockIsSane(t *testing.T) {
	var c watchedClock
	if p := c.problem(); p != "" {
		t.Errorf("nothing is known: %q", p)
	}
	for offset, want := range map[time.Duration]string{
		14 * time.Second: "", -14 * time.Second: "", 16 * time.Second: "off by more than 15 s", -time.Hour: "off by more than 15 s",
	} {
		c.at, c.reading.Offset = time.Now(), offset
		if p := c.problem(); p != want {
			t.Errorf("%v off: %q, want %q", offset, p, want)
		}
	}
	c.at = time.Now().Add(-readingAge - time.Second)
	if p := c.problem(); p != "" {
		t.Errorf("a reading of yesterday: %q", p)
	}
	t.Cleanup(clock.Move(-time.Until(time.Date(1970, 1, 1, 0, 1, 0, 0, time.UTC)).Abs()))
	if p := c.problem(); p != "not set" {
		t.Errorf("in 1970: %q", p)
	}
}

// TestClockStatus: the status describes the clock in words.
func TestClockStatus(t *testing.T) {
	s, _ := watched(t)
	c := &s.engine.watch.clock
	want := func(text string) {
		t.Helper()
		s := s.engine.clockStatus()
		if got := s.Comparison(); !strings.Contains(got, text) {
			t.Errorf("says %q, want %q", got, text)
		}
		if !strings.Contains(s.Leaning(), "too few") {
			t.Errorf("says %q of no codes", s.Leaning())
		}
	}
	want("not compared")
	c.mu.Lock()
	c.address, c.err = "ntp.example.com:123", os.ErrDeadlineExceeded
	c.mu.Unlock()
	want("not known: ntp.example.com:123 gave no answer")
	c.mu.Lock()
	c.at, c.reading.Offset = time.Now(), -1500*time.Millisecond
	c.mu.Unlock()
	want("1.500 s behind, compared")
	c.mu.Lock()
	c.err = nil
	c.mu.Unlock()
	want("1.500 s behind (ntp.example.com:123), compared")
}

// TestDue: the clock is compared at the start, hourly, and every minute while it is wrong or no
// source answers. Another source starts the schedule again.
func TestDue(t *testing.T) {
	var c watchedClock
	if c.due("") || !c.due("a:123") {
		t.Error("at the start")
	}
	for _, tt := range []struct {
		offset time.Duration
		err    error
		age    time.Duration
		want   bool
	}{
		{0, nil, 59 * time.Minute, false}, {0, nil, time.Hour, true}, {3 * time.Second, nil, time.Minute, false},
		{20 * time.Second, nil, 30 * time.Second, false}, {20 * time.Second, nil, time.Minute, true}, {0, os.ErrDeadlineExceeded, time.Minute, true},
	} {
		c.tried, c.at, c.reading.Offset, c.err = time.Now().Add(-tt.age), time.Now(), tt.offset, tt.err
		if got := c.due("a:123"); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
	c.tried, c.err = time.Now(), nil
	if !c.due("b:123") || c.state().Known {
		t.Error("another source is not begun anew with")
	}
	if c.due("") || c.state().Source != "" {
		t.Error("no source is not begun anew with")
	}
}
