package server

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/timesource"
)

const (
	// compareEvery is the interval of comparisons. compareSoon is the interval while the clock
	// is wrong or the source gives no answer.
	compareEvery = time.Hour
	compareSoon  = time.Minute
	// compareTime is the longest time that a comparison may take.
	compareTime = 10 * time.Second

	// offsetWarning is the offset from which on a warning is logged. Above offsetLimit, half a
	// time step of an authenticator, valid codes that come slightly late or early are refused,
	// and the server is not ready.
	offsetWarning = 2 * time.Second
	offsetLimit   = 15 * time.Second

	// readingAge is how long a reading is used if the source gives no newer one.
	readingAge = 24 * time.Hour
)

// firstYear is the year of this code. A clock in an earlier year was never set.
const firstYear = 2026

// watchedClock compares the server's clock with the configured NTP source.
type watchedClock struct {
	mu sync.Mutex
	// address is the address of the source, "" for none. tried is the time of the last attempt.
	address string
	tried   time.Time
	// reading is the last successful reading, taken at the time at. err is the error of the
	// last attempt, nil if it succeeded.
	reading timesource.Reading
	at      time.Time
	err     error
}

// forget makes the next comparison due at once.
func (c *watchedClock) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tried = time.Time{}
}

// compareIfDue compares the clock with the source at address if a comparison is due.
func (c *watchedClock) compareIfDue(ctx context.Context, address string, log *zap.Logger) {
	if c.due(address) {
		c.compare(ctx, address, log)
	}
}

// due reports whether a comparison is due. If the source has changed, it discards the reading of
// the old source.
func (c *watchedClock) due(address string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.address != address {
		c.address, c.reading, c.at, c.tried, c.err = address, timesource.Reading{}, time.Time{}, time.Time{}, nil
	}
	if address == "" {
		return false
	}
	every := compareEvery
	if c.err != nil || c.reading.Offset.Abs() > offsetLimit {
		every = compareSoon
	}
	return c.tried.IsZero() || time.Since(c.tried) >= every-time.Second
}

func (c *watchedClock) compare(ctx context.Context, address string, log *zap.Logger) {
	ctx, cancel := context.WithTimeout(ctx, compareTime)
	defer cancel()
	r, err := timesource.Compare(ctx, address)
	c.mu.Lock()
	again := c.err != nil
	c.tried, c.err = time.Now(), err
	if err == nil {
		c.reading, c.at = r, c.tried
	}
	c.mu.Unlock()
	switch {
	case err != nil && !again:
		log.Warn("the clock could not be compared; the NTP source gave no answer that can be used", zap.Error(err))
	case err != nil:
	case r.Offset.Abs() > offsetLimit:
		log.Warn("the server's clock is wrong: codes of customers are refused; set it", offsetFields(address, r)...)
	case r.Offset.Abs() > offsetWarning:
		log.Warn("the server's clock is off; make sure that NTP synchronises it", offsetFields(address, r)...)
	default:
		log.Info("the server's clock was compared", offsetFields(address, r)...)
	}
}

func offsetFields(address string, r timesource.Reading) []zap.Field {
	return []zap.Field{zap.String("ntp", address), zap.Float64("ahead_seconds", r.Offset.Seconds()), zap.Duration("error", r.Error)}
}

// clockState is a snapshot of watchedClock.
type clockState struct {
	// Source is the NTP source, "" for none. Up is true if it answered at the last attempt.
	Source string
	Up     bool
	// Known is true if Offset, how far the clock was ahead at the time At, is recent enough.
	Known  bool
	Offset time.Duration
	At     time.Time
}

func (c *watchedClock) state() clockState {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := clockState{Source: c.address, Up: c.err == nil && !c.at.IsZero(), Offset: c.reading.Offset, At: c.at}
	s.Known = !c.at.IsZero() && time.Since(c.at) < readingAge
	return s
}

// problem returns why the clock is wrong, as a constant text for the readiness checks; "" if it
// is right or if that is not known.
func (c *watchedClock) problem() string {
	if clock.Now().Year() < firstYear {
		return "not set"
	}
	if s := c.state(); s.Known && s.Offset.Abs() > offsetLimit {
		return "off by more than 15 s"
	}
	return ""
}

func (c *watchedClock) collect(out chan<- prometheus.Metric) {
	s := c.state()
	if s.Source == "" {
		return
	}
	gauge(out, sourceDesc, number(s.Up))
	if s.Known {
		gauge(out, offsetDesc, s.Offset.Seconds())
	}
}
