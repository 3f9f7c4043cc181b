package server

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/clockdrift"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/mail"
	"github.com/secondgate/secondgate/internal/meter"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/rotation"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/witness"
	"github.com/secondgate/secondgate/internal/throttle"
)

// Engine is an open store with the state and background work that belong to it. It outlives
// configurations; [Pool] shares it between them.
type Engine struct {
	// place is the store's Storage.Key.
	place  string
	store  store.Store
	visits *gateway.Visits
	book   *report.Book
	audit  *audit.Log
	keeper *rotation.Keeper
	drift  *clockdrift.Watch
	watch  *watch
	// witness renews the store's witness while the store is open.
	witness *witness.Keeper
	// life ends before the store is closed. stop ends it; done is closed when all background
	// work has ended.
	life context.Context
	stop context.CancelFunc
	done chan struct{}
	// backups is locked while a backup is made, so that only one is made at a time.
	backups sync.Mutex
	queue   *mail.Queue

	// counted is store with failures counted in failures, for the code that serves requests.
	counted  store.Store
	failures *meter.Store

	// proxies remembers peers that `trusted_proxies` may lack, for a warning.
	proxies throttle.Proxies

	mu        sync.Mutex
	addresses map[string]*addresses
	meters    map[string]*meter.Realm
	// servers are the running configurations that use this engine, the newest last.
	servers []*Server
	// log is the logger of the last one in servers, or of the configuration that opened the
	// store.
	log *zap.Logger
}

// addresses are a realm's failures by address, and the policy they are counted for.
type addresses struct {
	policy throttle.Policy
	*throttle.Addresses
}

// openEngine opens the store. It logs to first, the logger of the opening configuration, until
// a configuration has started.
func openEngine(storage Storage, first *zap.Logger) (*Engine, error) {
	place, err := storage.Key()
	if err != nil {
		return nil, err
	}
	e := &Engine{log: first, place: place}
	log := newLogger(e)
	st, err := storage.Open(log)
	if err != nil {
		return nil, err
	}
	e.run(st, log)
	return e, nil
}

// run constructs the parts of the engine and starts their background work.
func (e *Engine) run(st store.Store, log *zap.Logger) {
	ctx, stop := context.WithCancel(context.Background())
	failures := meter.NewStore()
	seen := counted{st, failures}
	e.store, e.counted, e.failures, e.drift = st, seen, failures, clockdrift.New(clock.Now)
	e.visits, e.book = gateway.NewVisits(seen, clock.Now), report.New(st, clock.Now, log)
	e.keeper = rotation.New(st, log, clock.Now)
	e.life, e.stop, e.done = ctx, stop, make(chan struct{})
	e.addresses, e.meters = make(map[string]*addresses), make(map[string]*meter.Realm)
	e.audit = newAudit(e, seen)
	e.watch = newWatch(e, log)
	e.witness = witness.New(st, log, clock.Now)
	e.queue = mail.NewQueue(st, e.setup, clock.Now)
	go func() {
		defer close(e.done)
		var beside sync.WaitGroup
		defer beside.Wait()
		beside.Go(func() { e.book.Run(ctx) })
		beside.Go(func() { e.watch.run(ctx) })
		beside.Go(func() { e.audit.Run(ctx) })
		beside.Go(func() { e.queue.Run(ctx) })
		beside.Go(func() { e.witness.Run(ctx) })
		e.visits.Run(ctx, func(err error) {
			log.Error("the last requests of cleared visits could not be written; clearances may end early after a restart", zap.Error(err))
		})
	}()
}

// Close ends the background work and closes the store. It returns an error after mostClosing.
// The pool calls it when no configuration uses the engine any more.
func (e *Engine) Close() error {
	e.stop()
	return withinBound(e.place, func() error {
		e.keeper.Close()
		<-e.done
		return e.store.Close()
	})
}

// counters returns a realm's counters of failures by address. They outlive reloads
// unless the policy changes.
func (e *Engine) counters(realm string, p throttle.Policy) *throttle.Addresses {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a := e.addresses[realm]; a != nil && a.policy == p {
		return a.Addresses
	}
	a := &addresses{p, throttle.NewAddresses(p, clock.Now)}
	e.addresses[realm] = a
	return a.Addresses
}

// use makes s the current configuration: background work uses its settings. During a reload two
// configurations run, and the newer one is the current one.
func (e *Engine) use(s *Server) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.servers = append(e.servers, s)
	e.log = s.Logger
}

// leave removes s from the running configurations. If s was the newest, the one before becomes
// the current one; this happens when a new configuration fails to start.
func (e *Engine) leave(s *Server) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.servers = slices.DeleteFunc(e.servers, func(other *Server) bool { return other == s })
	if n := len(e.servers); n > 0 {
		e.log = e.servers[n-1].Logger
	}
}

// logger returns the logger of the current configuration, or of the last one.
func (e *Engine) logger() *zap.Logger {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log
}

// current returns the newest running configuration; nil if none runs.
func (e *Engine) current() *Server {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.servers) == 0 {
		return nil
	}
	return e.servers[len(e.servers)-1]
}

// ring returns the master keys of the current configuration; nil if none runs.
func (e *Engine) ring() *keys.Ring {
	if s := e.current(); s != nil {
		return s.ring
	}
	return nil
}

// mostClosing is the longest time that closing the store may take. While the disk fails, Badger
// retries writing its memory table without limit.
const mostClosing = 5 * time.Second

// withinBound calls closing and returns an error if it takes longer than mostClosing. closing
// then continues in its goroutine, and the store stays locked, until the process ends.
func withinBound(place string, closing func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- closing() }()
	var err error
	select {
	case err = <-ended:
	case <-time.After(mostClosing):
		err = fmt.Errorf("it was not done after %v", mostClosing)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("the store could not be closed in %s (%w): check the disk; confirmed changes are kept unless the disk has lost them", place, err)
}
