package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/clockdrift"
	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/insert"
	"github.com/secondgate/secondgate/internal/meter"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/throttle"
	"github.com/secondgate/secondgate/internal/userpages"
	"github.com/secondgate/secondgate/templates"
)

// SiteOptions are what [Server.Add] needs of a site.
type SiteOptions struct {
	// Site has the site's settings with preset and defaults, Given those without.
	Site, Given config.Site
	// Source is the file and line of the site's two_factor, for errors; "" if not known.
	Source string
	// Address is the site's address for messages. Addresses are its single addresses, Places
	// the addresses with the matchers on the way to the gate. Both are compared with those of
	// the last configuration; see checkMoved.
	Address           string
	Addresses, Places []string
	// Gateway has the options that the web server provides: Rules, Bearer, Identify, Fetch,
	// SetUser, Bare, BareAll and Logger. gatewayOptions derives the others from the settings.
	Gateway gateway.Options
}

// Site is one site with a gate.
type Site struct {
	SiteOptions
	server *Server

	// resolve derives these from the site's own settings.
	asker      *portal.Asker
	state      *userpages.State
	brand      templates.Brand
	insertions *gateway.Insertions
	// asksMail is true if this site's settings require a code by e-mail for a first set-up. The
	// realm's decision also depends on its other sites; see Server.construct.
	asksMail bool
	meter    *meter.Realm

	// construct sets these once all sites are known.
	factors *factor.Service
	pages   *userpages.Pages
	gate    *gateway.Gateway
	stopped bool
}

// Add adds a site. It must be called before the server has started. It returns the errors that
// can be found in this site's settings alone.
func (s *Server) Add(ctx context.Context, o SiteOptions) (*Site, error) {
	realm := o.Site.Realm
	s.sites.add(realm, o.Addresses...)
	s.places.add(realm, o.Places...)
	s.ids = append(s.ids, identifiedBy(o))
	if err := s.witness.answerFor(ctx, s.engine, realm); err != nil {
		return nil, err
	}
	site := &Site{SiteOptions: o, server: s, meter: s.meter(realm)}
	if err := site.resolve(); err != nil {
		return nil, fmt.Errorf("two_factor: %w", err)
	}
	s.meters.mode(realm, o.Site.Mode)
	before := s.mailGap(realm)
	s.all = append(s.all, site)
	if !before && s.mailGap(realm) {
		s.Logger.Warn("settings", zap.String("realm", realm), zap.String("warning", "a site of this realm has enrol_mail off, others ask for a code by e-mail: a password thief can set up a second factor there first, and it counts for all of them"))
	}
	return site, nil
}

// resolve constructs the parts that do not depend on other sites.
func (s *Site) resolve() (err error) {
	if s.asker, err = newAsker(s.Site); err != nil {
		return err
	}
	ring := s.server.ring
	if s.state, err = userpages.NewState(s.Site.Realm, ring.Derive("state hash", 32), ring.Derive("state block", 32), clock.Now); err != nil {
		return err
	}
	if s.brand, err = readBrand(s.Site.Brand); err != nil {
		return err
	}
	if s.asksMail, err = s.readEnrolMail(); err != nil {
		return err
	}
	s.insertions, err = insertions(s.Site)
	return err
}

// readEnrolMail reports whether the site's settings require a code by e-mail for a first set-up.
func (s *Site) readEnrolMail() (bool, error) {
	mailing := s.server.mailing != nil
	switch {
	case s.Site.EnrolMail == "off":
		return false, nil
	case s.Site.EnrolMail == "on" && !mailing:
		return false, errors.New("enrol_mail on: no mail server is configured; want the global option two_factor { mail { … } }, or enrol_mail off")
	case mailing && !s.Site.HasEmail() && s.Site.User == "":
		s.Gateway.Logger.Warn("settings", zap.String("warning", "mail is configured, but whoami has no email: no user of this site gets notices, and a password thief can set up a second factor first"))
	}
	return mailing && s.Site.HasEmail(), nil
}

// customers reports whether the site asks a portal who its users are.
func (s *Site) customers() bool { return s.Site.User == "" }

// Gate returns the site's gate. The first call for any site constructs the gates of all sites.
// If it returns an error, the configuration must not serve.
func (s *Site) Gate() (*gateway.Gateway, error) {
	if err := s.server.ready(); err != nil {
		return nil, err
	}
	return s.gate, nil
}

// Stop ends the gate's background work.
func (s *Site) Stop() {
	s.server.assembly.Lock()
	defer s.server.assembly.Unlock()
	s.stopped = true
	if s.gate != nil {
		s.gate.Stop()
	}
}

// construct constructs the factors, pages and gate of the site. asksMail is true if the realm
// requires a code by e-mail for a first set-up.
func (s *Site) construct(asksMail bool) (err error) {
	e, policy, realm := s.server.engine, s.throttle(), s.Site.Realm
	totp := s.Site.TOTP
	s.factors = factor.New(e.counted, s.server.ring, realm, factor.Settings{
		Issuer: s.Site.Issuer, Digits: totp.Digits, Period: time.Duration(totp.Period), Algorithm: totp.Algorithm,
		Skew: *totp.Skew, BackupCodes: s.Site.BackupCodes, EnrolMail: asksMail, Throttle: policy,
	}, e.counters(realm, policy))
	s.factors.Clock, s.factors.Meter, s.factors.MailQueued = clock.Now, s.meter, e.queue.Wake
	if *totp.Skew == clockdrift.Skew {
		s.factors.Drift = e.drift
	}
	s.pages, err = userpages.New(userpages.Options{
		Path: s.Site.Path, Realm: realm, Issuer: s.Site.Issuer, Support: s.Site.Support, Brand: s.brand,
		Required: s.Site.Require == "always", EnrolMail: asksMail, FreeTries: policy.Free,
		Factors: s.factors, Store: e.counted, State: s.state, Logger: s.Gateway.Logger, Clock: clock.Now,
		Ready: s.server.checks,
	})
	if err != nil {
		return fmt.Errorf("two_factor: %w", err)
	}
	s.gate = gateway.New(s.gatewayOptions())
	return nil
}

func (s *Site) gatewayOptions() gateway.Options {
	o, e, site := s.Gateway, s.server.engine, s.Site
	headers, queries := site.Credentials()
	o.Realm, o.Path, o.Headers, o.Queries = site.Realm, site.Path, portal.NewHeaders(headers), queries
	o.Sealer, o.CookiePolicy = portal.NewSealer(s.server.ring, site.Realm), portal.NewCookiePolicy(site.Leave)
	o.Asker = s.asker
	if site.User != "" {
		o.Asker = nil
	}
	o.Rotates, o.WatchUnsafe, o.Required = *site.Rotates, site.Watch == "unsafe", site.Require == "always"
	o.Observe, o.Book, o.Meter, o.Note = site.Mode == "observe", e.book, s.meter, e.audit.Note
	o.Recheck, o.Settle = time.Duration(*site.Recheck), settle(time.Duration(*site.Settle))
	o.Session = session.Policy{Life: time.Duration(site.Session.Life), Idle: time.Duration(site.Session.Idle)}
	o.Store, o.Visits, o.Pages, o.State, o.Clock = e.counted, e.visits, s.pages, s.state, clock.Now
	o.Insertions = s.insertions
	return o
}

// settle converts the setting for the gateway, where 0 means the default and -1 means none.
func settle(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

func newAsker(site config.Site) (*portal.Asker, error) {
	headers, _ := site.Credentials()
	a := &portal.Asker{
		CookiePolicy: portal.NewCookiePolicy(site.Leave), Clock: clock.Now,
		TokenHeader: site.TokenHeader(), Headers: portal.NewHeaders(headers),
	}
	for _, w := range site.Whoami {
		q, err := whoami.Compile(w)
		if err != nil {
			return nil, fmt.Errorf("whoami %s: %w", w.URI, err)
		}
		a.Questions = append(a.Questions, q)
	}
	return a, nil
}

func (s *Site) throttle() throttle.Policy {
	t := s.Site.Throttle
	return throttle.Policy{
		Free: *t.Free, Wait: time.Duration(t.Wait), Max: time.Duration(t.Max), Stop: t.Stop,
		AddressCount: t.Address.Count, AddressPer: time.Duration(t.Address.Per),
	}
}

// positions translates config.Link.Position.
var positions = map[string]insert.Position{"append": insert.Append, "before": insert.Before, "after": insert.After}

// insertions returns the links and the script to insert into the portal's pages; nil for none.
func insertions(site config.Site) (*gateway.Insertions, error) {
	if len(site.Link) == 0 && !site.Assist {
		return nil, nil
	}
	in := &gateway.Insertions{}
	if site.Assist {
		in.Script = site.Path + "/assets/" + templates.Assist
	}
	for _, l := range site.Link {
		piece, err := insert.Link(l.Selector, positions[l.Position], site.Path+"/", l.Text)
		if err != nil {
			return nil, err
		}
		in.Links = append(in.Links, piece)
	}
	return in, nil
}
