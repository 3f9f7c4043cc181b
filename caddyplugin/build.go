package caddyplugin

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/clockdrift"
	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/throttle"
	"github.com/secondgate/secondgate/internal/userpages"
	"github.com/secondgate/secondgate/templates"
)

// builder makes a gate from resolved settings.
type builder struct {
	// prefixes are what handlers behind the gate take off the beginning of paths.
	prefixes []string
	// opens are those of them behind which a proxy may stand.
	opens []string
	// userVars are variables that may name a user.
	userVars []string
	// around says that a handler before the gate may send its requests to a proxy again.
	around bool
	ctx    caddy.Context
	app    *App
	site   config.Site
	log    *zap.Logger
}

func (b *builder) build() (*gateway.Gateway, error) {
	s := b.site
	rules, err := b.rules()
	if err != nil {
		return nil, err
	}
	asker, err := b.asker()
	if err != nil {
		return nil, err
	}
	state, pages, err := b.pages()
	if err != nil {
		return nil, err
	}
	o := gateway.Options{
		Realm: s.Realm, Path: s.Path, Rules: rules,
		Sealer: portal.NewSealer(b.app.ring, s.Realm), Leave: portal.NewLeave(s.Leave),
		Asker: asker, Fetch: fetch, SetUser: setUser, Bare: bareWithout(b.userVars), BareAll: b.around,
		Rotates: *s.Rotates, WatchUnsafe: s.Watch == "unsafe", Required: s.Require == "always",
		Observe: s.Mode == "observe", Book: b.app.engine.book, Meter: b.app.meter(s.Realm),
		Recheck: time.Duration(*s.Recheck), Settle: settle(time.Duration(*s.Settle)),
		Session: session.Policy{Life: time.Duration(s.Session.Life), Idle: time.Duration(s.Session.Idle)},
		Note:    b.app.engine.audit.Note,
		Store:   b.app.engine.counted, Visits: b.app.engine.visits, Pages: pages, State: state,
		Logger: b.log, Clock: clock.Now,
	}
	headers, queries := b.credentials()
	o.Headers, o.Queries = portal.NewHeaders(headers), queries
	if o.Bearer, err = b.bearer(); err != nil {
		return nil, err
	}
	if o.Insertions, err = b.insertions(); err != nil {
		return nil, err
	}
	if s.User != "" {
		o.Asker, o.Identify = nil, identify(s.User)
	}
	return gateway.New(o), nil
}

// settle turns `settle 0` into what the gateway takes for none.
func settle(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

func (b *builder) credentials() (headers, queries []string) {
	for _, c := range b.site.Credential {
		if c.Header != "" {
			headers = append(headers, c.Header)
		}
		if c.Query != "" {
			queries = append(queries, c.Query)
		}
	}
	return headers, queries
}

func (b *builder) asker() (*portal.Asker, error) {
	headers, _ := b.credentials()
	a := &portal.Asker{
		Leave: portal.NewLeave(b.site.Leave), Clock: clock.Now,
		TokenHeader: b.site.TokenHeader(), Headers: portal.NewHeaders(headers),
	}
	for _, w := range b.site.Whoami {
		q, err := whoami.Compile(w)
		if err != nil {
			return nil, fmt.Errorf("whoami %s: %w", w.URI, err)
		}
		a.Questions = append(a.Questions, q)
	}
	return a, nil
}

func (b *builder) bearer() (gateway.Bearer, error) {
	out := gateway.Bearer{Header: b.site.TokenHeader()}
	for _, s := range b.site.SignIn {
		if s.Token == nil {
			continue
		}
		token, err := whoami.CompileToken(s.Token.JSON, s.Failed)
		if err != nil {
			return out, fmt.Errorf("sign_in: token: %w", err)
		}
		out.SignIns = append(out.SignIns, gateway.TokenSignIn{Rule: b.behind(addressRule(s.Paths)), Token: token})
	}
	return out, nil
}

func (b *builder) pages() (*userpages.State, *userpages.Pages, error) {
	s, ring := b.site, b.app.ring
	state, err := userpages.NewState(s.Realm, ring.Derive("state hash", 32), ring.Derive("state block", 32), clock.Now)
	if err != nil {
		return nil, nil, err
	}
	brand, err := readBrand(s.Brand)
	if err != nil {
		return nil, nil, err
	}
	policy := b.throttle()
	enrolMail, err := b.enrolMail()
	if err != nil {
		return nil, nil, err
	}
	factors := factor.New(b.app.engine.counted, ring, s.Realm, factor.Settings{
		Issuer: s.Issuer, Digits: s.TOTP.Digits, Period: time.Duration(s.TOTP.Period), Algorithm: s.TOTP.Algorithm,
		Skew: *s.TOTP.Skew, BackupCodes: s.BackupCodes, EnrolMail: enrolMail, Throttle: policy,
	}, b.app.engine.counters(s.Realm, policy))
	factors.Clock, factors.Meter = clock.Now, b.app.meter(s.Realm)
	if *s.TOTP.Skew == clockdrift.Skew {
		factors.Drift = b.app.engine.drift
	}
	factors.MailQueued = b.app.engine.queue.Wake
	pages, err := userpages.New(userpages.Options{
		Path: s.Path, Realm: s.Realm, Issuer: s.Issuer, Support: s.Support, Brand: brand,
		Required: s.Require == "always", EnrolMail: enrolMail, FreeTries: policy.Free,
		Factors: factors, Store: b.app.engine.counted, State: state, Logger: b.log, Clock: clock.Now,
		Ready: b.app.checks,
	})
	if err != nil {
		return nil, nil, err
	}
	b.app.register(s, factors, pages)
	return state, pages, nil
}

func (b *builder) throttle() throttle.Policy {
	t := b.site.Throttle
	return throttle.Policy{
		Free: *t.Free, Wait: time.Duration(t.Wait), Max: time.Duration(t.Max), Stop: t.Stop,
		AddressCount: t.Address.Count, AddressPer: time.Duration(t.Address.Per),
	}
}

// readBrand reads the brand's files. The logo's type is what its content says; SVG
// has no such sign but its beginning.
func readBrand(b *config.Brand) (templates.Brand, error) {
	out := templates.Brand{Name: b.Name, Accent: string(b.Accent)}
	if b.Logo != "" {
		raw, err := os.ReadFile(b.Logo)
		if err != nil {
			return out, fmt.Errorf("brand: logo: %w", err)
		}
		out.Logo, out.LogoType = raw, logoType(raw)
	}
	if b.CSS != "" {
		raw, err := os.ReadFile(b.CSS)
		if err != nil {
			return out, fmt.Errorf("brand: css: %w", err)
		}
		out.CSS = raw
	}
	return out, nil
}

func logoType(raw []byte) string {
	if looksLikeSVG(raw) {
		return "image/svg+xml"
	}
	return http.DetectContentType(raw)
}

// looksLikeSVG reports whether a file begins as an SVG drawing does.
func looksLikeSVG(raw []byte) bool {
	head := bytes.TrimLeft(raw[:min(len(raw), 1024)], " \t\r\n\ufeff")
	return bytes.HasPrefix(head, []byte("<svg")) || bytes.HasPrefix(head, []byte("<?xml")) && bytes.Contains(head, []byte("<svg"))
}
