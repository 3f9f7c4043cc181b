// Package server assembles the sites of one configuration and runs what they share: the
// store and its witness, the master keys, the audit log, mails, metrics and the support
// desk. It does not import Caddy: package caddyplugin passes settings, interfaces and functions
// to it.
//
// The order is: [Open], which opens the store or joins a configuration that has it open;
// [Server.Add] for each site; then, once all sites are known, [Server.Start] or the first
// request constructs all of them (see [Site.Gate]). [Server.Stop] and [Server.Close]
// end it.
//
// The store, the visits and other state outlive a configuration. They are in an [Engine], which
// configurations share. A configuration that fails to load leaves it unchanged.
package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/mail"
	"github.com/secondgate/secondgate/internal/store/witness"
	"github.com/secondgate/secondgate/internal/throttle"
)

// Settings are what all sites of a configuration share.
type Settings struct {
	Storage Storage
	// Engine is the storage engine's name, for backups.
	Engine string
	Keys   Keys
	// Witness is the storage of the store's witness. WitnessFlags are the flags by which
	// commands find that storage, or "" if they need none; errors show them.
	Witness      witness.Storage
	WitnessFlags string
	// Scratch is an empty storage that is opened instead of Storage if the configuration is only
	// validated. Then no keys are created, and no witness is read. Otherwise it is nil.
	Scratch Storage
	// Pool has the open engines of this process.
	Pool Pool
	// Metrics is the registry for the metrics of this configuration; nil for none.
	Metrics prometheus.Registerer
	// Build has the versions that the server was built from.
	Build Build
	// NTP is the address of the time source with its port; "" for none.
	NTP string
	// Keep is how long security events are kept.
	Keep time.Duration
	// RetiredRealms, RetiredSource and SameIDs are the settings of these names.
	RetiredRealms []string
	RetiredSource string
	SameIDs       []string
	// Mail is the mail server; nil for none.
	Mail *mail.Server
	// AdminOverTCP allows the admin API to change users and export secrets over TCP.
	AdminOverTCP bool
	// Served returns the addresses of all sites of the configuration.
	Served func() ([]string, error)
	Logger *zap.Logger
}

// Build has the versions of Secondgate, Caddy and Go that a server was built from.
type Build struct{ Version, Caddy, Go string }

// Server is one configuration with all of its sites.
type Server struct {
	Settings
	engine *Engine
	// place is the store's Storage.Key. It is "" until join has succeeded, so that Close knows
	// whether there is something to release.
	place   string
	witness *witnesses
	ring    *keys.Ring
	// release ends the registration of this configuration's keys; see rotation.Keeper.Admit.
	release func()
	mailing *mail.Setup
	meters  *meters

	// all are the sites, in the order in which they were added.
	all []*Site
	// sites are the addresses of each realm's sites, places the places of its gates; see
	// SiteOptions.
	sites, places sites
	// ids has the sources of user ids of each site.
	ids []identified
	// shown are the realms that support desks name.
	shown []string

	// ready calls prepare once, and then returns its result. It is called by Start or by the
	// first request, whichever is first, because Caddy starts its apps in no fixed order.
	ready func() error
	// assembly is held by construct and Site.Stop, so that a stopped site is not constructed.
	assembly sync.Mutex
	realms   map[string]*Realm
	// records are functions that record facts about the configuration in the store. Started
	// calls them.
	records []func() error
}

// Open opens the store, or shares it with a configuration that has it open, and reads the
// master keys.
func Open(ctx context.Context, settings Settings) (_ *Server, err error) {
	s := &Server{Settings: settings, meters: newMeters(), sites: make(sites), places: make(sites)}
	s.ready = sync.OnceValue(s.prepare)
	if s.Mail != nil {
		s.mailing = &mail.Setup{Server: *s.Mail, Write: s.write, Log: s.Logger.Named("mail")}
	}
	defer func() {
		if err != nil {
			_ = s.Close() // the first error counts
		}
	}()
	if err := s.join(ctx); err != nil {
		return nil, err
	}
	if err := s.admit(ctx); err != nil {
		return nil, err
	}
	if err := s.registerMetrics(); err != nil {
		return nil, err
	}
	return s, nil
}

// join takes the store's engine from the pool, which opens the store if it is not open yet.
func (s *Server) join(ctx context.Context) error {
	opened := s.Storage
	if s.Scratch != nil {
		opened = s.Scratch
	}
	place, err := opened.Key()
	if err != nil {
		return err
	}
	if s.witness, err = readWitnesses(ctx, s.Settings, place); err != nil {
		return err
	}
	s.engine, err = s.Pool.Join(place, func() (*Engine, error) {
		if err := s.witness.mayCreate(opened); err != nil {
			return nil, err
		}
		return openEngine(opened, s.Logger)
	})
	if err != nil {
		return err
	}
	s.place = place
	return s.witness.find(ctx, s.engine)
}

// admit reads the master keys and checks that they open the store and that the store is the one
// that its witness describes.
func (s *Server) admit(ctx context.Context) error {
	ring, origin, err := s.readKeys(ctx)
	if err != nil {
		return err
	}
	// Keys are checked before the witness: with wrong keys its signature would be wrong, too,
	// and the error would mislead.
	if err := s.engine.keeper.Fits(ctx, ring); err != nil {
		return fmt.Errorf("the master keys from %s: %w", origin, err)
	}
	if err := s.witness.judge(ring); err != nil {
		return err
	}
	if s.release, err = s.engine.keeper.Admit(ctx, ring); err != nil {
		return fmt.Errorf("the master keys from %s: %w", origin, err)
	}
	s.ring = ring
	return s.witness.voidUsed(ctx, s.engine, s.Logger)
}

// Ready checks and constructs all sites, if that was not done yet. If it returns an error, the
// configuration must not serve.
func (s *Server) Ready() error { return s.ready() }

// Start makes this configuration the one that the engine's background work uses.
func (s *Server) Start() error {
	if err := s.ready(); err != nil {
		return err
	}
	s.engine.use(s)
	s.engine.watch.started()
	if err := s.engine.keeper.Resume(s.engine.life, s.engine.ring); err != nil {
		s.Logger.Error("a rotation of the master keys that was under way could not go on; start it again with `keys rotate`", zap.Error(err))
	}
	return nil
}

// Started records facts that the checks of the next configuration need: the store's witness,
// and where realms are served. It also carries out an operator's order (accept-loss, init). It
// must be called only when the start can't fail any more; the configuration serves already.
func (s *Server) Started() {
	for _, record := range s.records {
		if err := record(); err != nil {
			s.Logger.Error("the present realms could not be recorded, so a later change of a realm may not be detected", zap.Error(err))
		}
	}
	if err := s.witness.follow(s); err != nil {
		s.Logger.Error("the store's witness is not kept: a store that is lost from now on can't be told from a new one", zap.Error(err))
	}
}

// Stop undoes Start, after it has written pending events. The store stays open until Close.
func (s *Server) Stop() {
	s.engine.flushAudit()
	s.engine.witness.Flush(s.engine.life)
	s.engine.leave(s)
}

// Close releases the store. It may also be called after Open has failed.
func (s *Server) Close() error {
	if s.place == "" {
		return nil
	}
	if s.release != nil {
		s.release()
	}
	return s.Pool.Leave(s.place)
}

// Proxies returns the detector of proxies that the setting trusted_proxies lacks.
func (s *Server) Proxies() *throttle.Proxies { return &s.engine.proxies }
