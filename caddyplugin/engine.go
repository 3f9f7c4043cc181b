package caddyplugin

import (
	"context"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/clockdrift"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/mail"
	"github.com/secondgate/secondgate/internal/meter"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/rotation"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/witness"
	"github.com/secondgate/secondgate/internal/throttle"
)

// Storage is a storage engine's module.
type Storage interface {
	// Key names what can be open only once, for example the absolute directory.
	Key() (string, error)
	// KeyFile is where the master keys live if the operator names no other place.
	KeyFile() (string, error)
	// Open opens it.
	Open(log *zap.Logger) (store.Store, error)
}

// engines holds what is open, by Storage.Key, across reloads of the configuration:
// Caddy provisions the new configuration before it stops the old one.
var engines = caddy.NewUsagePool()

// engine is an open store and the memory that belongs to it.
type engine struct {
	// place is the Key of its storage.
	place  string
	store  store.Store
	visits *gateway.Visits
	book   *report.Book
	audit  *audit.Log
	keeper *rotation.Keeper
	drift  *clockdrift.Watch
	watch  *watch
	// witness is renewed while the store is open.
	witness *witness.Keeper
	// life ends before the store is closed.
	life context.Context
	stop context.CancelFunc
	done chan struct{}
	// backups lets one backup be made at a time.
	backups sync.Mutex
	queue   *mail.Queue

	// counted is store for those who serve requests; failures is what it counts.
	counted  store.Store
	failures *meter.Store

	// proxies finds proxies that `trusted_proxies` lacks.
	proxies throttle.Proxies

	mu        sync.Mutex
	addresses map[string]*addresses
	meters    map[string]*meter.Realm
	// apps are the running configurations' that use this engine, the newest last.
	apps []*App
	// log is that of the last of them, or of the one that opened the store.
	log *zap.Logger
}

type addresses struct {
	policy throttle.Policy
	*throttle.Addresses
}

// openEngine opens the store, and tells the first configuration's log until one has
// started.
func openEngine(storage Storage, first *zap.Logger) (*engine, error) {
	place, err := storage.Key()
	if err != nil {
		return nil, err
	}
	e := &engine{log: first, place: place}
	log := newLogger(e)
	st, err := storage.Open(log)
	if err != nil {
		return nil, err
	}
	e.run(st, log)
	return e, nil
}

// run makes what belongs to the store and begins its work in the background.
func (e *engine) run(st store.Store, log *zap.Logger) {
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

// Destruct closes the store when no configuration uses it any more, within a bound.
func (e *engine) Destruct() error {
	e.stop()
	return bounded(e.place, func() error {
		e.keeper.Close()
		<-e.done
		return e.store.Close()
	})
}

// counters returns a realm's counters of failures by address. They outlive reloads
// unless the policy changes.
func (e *engine) counters(realm string, p throttle.Policy) *throttle.Addresses {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a := e.addresses[realm]; a != nil && a.policy == p {
		return a.Addresses
	}
	a := &addresses{p, throttle.NewAddresses(p, clock.Now)}
	e.addresses[realm] = a
	return a.Addresses
}
