// Package server assembles the sites of one configuration and runs what they share: the
// store and its witness, the master keys, the audit log, mails, metrics and the support
// desk. It knows no Caddy: package caddyplugin passes settings, interfaces and functions
// in.
//
// The order is: [Open], which opens the store or joins a configuration that has it open;
// [Server.Add] for each site; then, once all sites are known, [Server.Start] or the first
// request constructs all of them (see [Site.Gateway]). [Server.Stop] and [Server.Close]
// end it.
//
// What outlives a configuration, such as the store and the visits, is an [Engine], which
// configurations share. A configuration that fails to load changes nothing of it.
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
	// Witness is where the store's witness is kept; WitnessFlags are the flags by which
	// commands find that place, if they need any.
	Witness      witness.Storage
	WitnessFlags string
	// Scratch is an empty storage that is opened in place of Storage while a configuration is
	// only validated. Then no keys are made, and no witness is looked for. Else it is nil.
	Scratch Storage
	// Pool holds the open engines of this process.
	Pool Pool
	// Metrics is where the numbers of this configuration are registered; nil for nowhere.
	Metrics prometheus.Registerer
	// Build is what the server was built from.
	Build Build
	// NTP is the time source with its port, empty for none.
	NTP string
	// Keep is for how long security events are kept.
	Keep time.Duration
	// RetiredRealms, RetiredSource and SameIDs are the settings of these names.
	RetiredRealms []string
	RetiredSource string
	SameIDs       []string
	// Mail is the mail server; nil for none.
	Mail *mail.Server
	// AdminOverTCP says that the admin API acts over TCP, too.
	AdminOverTCP bool
	// Served returns the addresses of all sites of the configuration.
	Served func() ([]string, error)
	Logger *zap.Logger
}

// Build is what a server was built from: versions of Secondgate, Caddy and Go.
type Build struct{ Version, Caddy, Go string }

// Server is one configuration with all of its sites.
type Server struct {
	Settings
	engine *Engine
	// place is where the store is; empty until the engine is held.
	place   string
	witness *witnesses
	ring    *keys.Ring
	// release takes back that this configuration seals; see rotation.Keeper.Admit.
	release func()
	mailing *mail.Setup
	meters  *meters

	// all are the sites, in the order in which they were added.
	all []*Site
	// sites are the addresses of the sites by realm, places are where they stand there.
	sites, places sites
	// ids are what each site makes users' ids of.
	ids []identified
	// shown are the realms that support desks name.
	shown []string

	// ready is prepare, which runs once: for Start, or for the first request, since Caddy
	// starts its apps in no order.
	ready func() error
	// assembly guards what prepare constructs against sites that are stopped meanwhile.
	assembly sync.Mutex
	realms   map[string]*Realm
	// records are what is written down of the configuration when it has started.
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

// join holds the engine of the store, which it opens if that is not open yet.
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

// admit reads the master keys, and compares the store with them and with its witness.
func (s *Server) admit(ctx context.Context) error {
	ring, origin, err := s.readKeys(ctx)
	if err != nil {
		return err
	}
	// Wrong keys are reported as such: with them the witness's signature is wrong, too.
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

// Ready checks and constructs all sites, if that was not done yet. An error says that the
// configuration is not to serve.
func (s *Server) Ready() error { return s.ready() }

// Start makes these settings count for the work in the background.
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

// Started records what this configuration changes for the next one: the store's witness, an
// order that was followed, and where realms are. It must be called when nothing can make
// the start fail any more. The configuration serves already.
func (s *Server) Started() {
	for _, record := range s.records {
		if err := record(); err != nil {
			s.Logger.Error("a realm that changes later may not be noticed", zap.Error(err))
		}
	}
	if err := s.witness.follow(s); err != nil {
		s.Logger.Error("the store's witness is not kept: a store that is lost from now on can't be told from a new one", zap.Error(err))
	}
}

// Stop takes Start back. The store stays open until Close.
func (s *Server) Stop() {
	s.engine.flushAudit()
	s.engine.witness.Flush(s.engine.life)
	s.engine.leave(s)
}

// Close releases the store. It may be called whatever failed before.
func (s *Server) Close() error {
	if s.place == "" {
		return nil
	}
	if s.release != nil {
		s.release()
	}
	return s.Pool.Leave(s.place)
}

// Proxies finds proxies that the setting trusted_proxies lacks.
func (s *Server) Proxies() *throttle.Proxies { return &s.engine.proxies }
