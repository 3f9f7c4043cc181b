package server

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/clockdrift"
	"github.com/secondgate/secondgate/internal/store"
)

const (
	// lookEvery is the interval of look. countEvery is the interval at which look also counts
	// the users, which takes a second for a million users.
	lookEvery  = time.Minute
	countEvery = 5 * time.Minute
	// checkTime is the longest time that the readiness checks may take.
	checkTime = 5 * time.Second
)

// watch reads an engine's numbers in the background, so that a scrape of the metrics does not
// read the store. It also compares the clock and logs warnings.
type watch struct {
	engine *Engine
	log    *zap.Logger
	clock  watchedClock
	// wake gets a value when a configuration has started. look then runs at once.
	wake chan struct{}

	mu    sync.Mutex
	users map[string]store.UserCount
	// entries is the number of the audit log's newest entry, mails the number of mails that
	// wait. ready has the results of the readiness checks.
	entries uint64
	mails   int
	ready   map[string]bool
	storage storageLook
	// counted is when the users were last counted, warned when warnOfLean last warned, looked
	// when look last ran.
	counted, warned, looked time.Time
	// warnedAhead is when the last warning of an entry ahead of the clock was logged.
	warnedAhead time.Time
}

func newWatch(e *Engine, log *zap.Logger) *watch {
	return &watch{engine: e, log: log, wake: make(chan struct{}, 1), users: make(map[string]store.UserCount)}
}

// run calls look at each interval, and when a configuration has started, until ctx ends.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
			w.look(ctx, true)
		case <-tick.C:
			w.look(ctx, time.Since(w.counted) >= countEvery)
		}
	}
}

// started makes run call look at once. Server.Start calls it.
func (w *watch) started() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *watch) look(ctx context.Context, count bool) {
	s := w.engine.current()
	if s == nil {
		return
	}
	w.noticeSetting()
	var compared sync.WaitGroup
	defer compared.Wait()
	compared.Go(func() { w.clock.compareIfDue(ctx, s.NTP, w.log) })
	if count {
		w.countUsers(ctx, s)
	}
	w.readQueues(ctx)
	w.lookAtStorage(ctx, s)
	w.checkReadiness(ctx, s)
	w.warnOfLean(w.engine.drift.Estimate())
}

func (w *watch) checkReadiness(ctx context.Context, s *Server) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	ready := make(map[string]bool)
	for _, c := range s.checks(ctx) {
		ready[c.Name] = c.Problem == ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready = ready
}

// noticeSetting detects that the clock was set: the time that passed on the clock then differs
// from the monotonic time. It discards the old measurements of the clock.
func (w *watch) noticeSetting() {
	now := time.Now()
	was := w.looked
	w.looked = now
	if was.IsZero() {
		return
	}
	set := now.Round(0).Sub(was.Round(0)) - now.Sub(was) // Round drops the monotonic reading
	if set.Abs() < offsetWarning {
		return
	}
	w.log.Info("the server's clock was changed", zap.Duration("by", set))
	w.engine.drift.Forget()
	w.clock.forget()
}

// countUsers counts the users of all realms, for the metrics and for the witness, which notices
// if users with a second factor are missing.
func (w *watch) countUsers(ctx context.Context, s *Server) {
	w.engine.witness.Count(ctx)
	users := make(map[string]store.UserCount)
	for _, realm := range s.names() {
		n, err := w.engine.store.CountUsers(ctx, realm)
		if err != nil {
			if ctx.Err() == nil {
				w.log.Error("the users could not be counted; the metric keeps its last value", zap.String("realm", realm), zap.Error(err))
			}
			return
		}
		users[realm] = n
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.users, w.counted = users, time.Now()
}

// readQueues reads the number of audit log entries and of waiting mails. If the store fails,
// the values stay unchanged; the readiness checks report the failure.
func (w *watch) readQueues(ctx context.Context) {
	last, err := w.engine.store.LastEntry(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return
	}
	mails, err := w.engine.store.CountMails(ctx)
	if err != nil {
		return
	}
	w.warnOfAhead(last, clock.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	w.entries, w.mails = last.Seq, mails
}

// aheadSlack is how far the newest entry may be ahead of the clock without a warning, because
// small corrections of a clock are normal.
const aheadSlack = 5 * time.Minute

// warnOfAhead logs an error if the newest entry of the audit log has a later time than now. The
// clock was ahead when the entry was written, or it is behind now.
func (w *watch) warnOfAhead(last store.Entry, now time.Time) {
	ahead := last.Event.At.Sub(now)
	if last.Seq == 0 || ahead < aheadSlack || time.Since(w.warnedAhead) < warnAgain {
		return
	}
	w.warnedAhead = time.Now()
	w.log.Error("the newest entry of the audit log is ahead of the server's clock, which was ahead then or is behind now: set it right; "+
		"customers whose codes were accepted meanwhile are refused until that time, or until staff unlock them",
		zap.Duration("ahead", ahead.Round(time.Second)), zap.Time("newest", last.Event.At))
}

// warnAgain is the interval at which a warning is repeated while its reason persists.
const warnAgain = time.Hour

// warnOfLean logs a warning if customers' codes indicate that the clock is wrong.
func (w *watch) warnOfLean(e clockdrift.Estimate) {
	if !e.Alarming() {
		w.warned = time.Time{}
		return
	}
	if time.Since(w.warned) < warnAgain {
		return
	}
	w.warned = time.Now()
	w.log.Warn(e.String()+": check the server's clock", zap.Int("users", e.Users),
		zap.Duration("from", e.Low.Round(time.Second)), zap.Duration("to", e.High.Round(time.Second)))
}

// collect sends the last values as metrics.
func (w *watch) collect(out chan<- prometheus.Metric, realms []string) {
	w.mu.Lock()
	users, entries, mails, ready, storage := w.users, w.entries, w.mails, maps.Clone(w.ready), w.storage
	w.mu.Unlock()
	for _, realm := range realms {
		n, known := users[realm]
		if !known {
			continue
		}
		gauge(out, usersDesc, float64(n.Activated), realm, "activated")
		gauge(out, usersDesc, float64(n.NotActivated), realm, "not_activated")
	}
	gauge(out, auditDesc, float64(entries))
	gauge(out, mailsDesc, float64(mails))
	for check, ok := range ready {
		gauge(out, readyDesc, number(ok), check)
	}
	storage.collect(out)
	w.clock.collect(out)
	w.engine.collectWitness(out, realms)
	if e := w.engine.drift.Estimate(); e.Known() {
		gauge(out, leanDesc, e.Lean.Seconds())
	}
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
