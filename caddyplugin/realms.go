package caddyplugin

import (
	"errors"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/userpages"
)

// realm is what staff and background work need of a realm's handlers.
type realm struct {
	name string
	// site is the settings of the first of the realm's handlers, with preset and defaults.
	site    config.Site
	factors *factor.Service
	// customers says that a site asks a portal who the realm's users are.
	customers bool
	// pages put mails into words: those of the first site of customers, else of staff.
	pages *userpages.Pages
	// asks says that first set-ups wait for a code by e-mail, willing are the pages of
	// the sites that don't refuse to ask for one, refuses that some site does.
	asks, refuses bool
	willing       []willing
}

// willing is a site that asks for a code by e-mail once another one of its realm does.
type willing struct {
	factors *factor.Service
	pages   *userpages.Pages
}

// register makes the realm of a handler known to the configuration's app. Caddy
// provisions handlers one after another, before anything is served.
func (a *App) register(site config.Site, factors *factor.Service, pages *userpages.Pages) {
	a.meters.mode(site.Realm, site.Mode)
	if a.realms == nil {
		a.realms = make(map[string]*realm)
	}
	r := a.realms[site.Realm]
	if r == nil {
		r = &realm{name: site.Realm, site: site, factors: factors}
		a.realms[site.Realm] = r
	}
	if r.pages == nil || !r.customers && site.User == "" {
		r.pages = pages
	}
	r.customers = r.customers || site.User == ""
	if r.joinMail(site, willing{factors, pages}) {
		a.log.Warn("settings", zap.String("realm", r.name), zap.String("warning", "a site of this realm has enrol_mail off, others ask for a code by e-mail: a password thief can set up a second factor there first, and it counts for all of them"))
	}
}

// joinMail has all sites of a realm ask for the code by e-mail once one of them does: a
// factor that is set up at one counts for all, so the one whose whoami names no address
// would be the way around. It reports whether a site turns out to refuse that.
func (r *realm) joinMail(site config.Site, w willing) (around bool) {
	before := r.asks && r.refuses
	r.asks = r.asks || w.pages.EnrolMail
	if site.EnrolMail == "off" {
		r.refuses = true
	} else {
		r.willing = append(r.willing, w)
	}
	if r.asks {
		for _, w := range r.willing { // nothing is served yet
			w.pages.EnrolMail = true
			w.factors.AskMail()
		}
	}
	return !before && r.asks && r.refuses
}

// errNoApp says that the running configuration has nothing of ours.
var errNoApp = errors.New("no site of this server has two_factor")

// activeApp is the app of the configuration that runs now.
func activeApp() (*App, error) {
	mod, err := caddy.ActiveContext().AppIfConfigured("two_factor")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil, errNoApp
	}
	if err != nil {
		return nil, fmt.Errorf("finding the app two_factor: %w", err)
	}
	return mod.(*App), nil
}

// use makes the app's settings those that the engine's background work goes by. While a
// configuration replaces another, both run; the newer one counts.
func (e *engine) use(a *App) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.apps = append(e.apps, a)
	e.log = a.log
}

// leave takes that back, as when the new configuration failed to start after all.
func (e *engine) leave(a *App) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.apps = slices.DeleteFunc(e.apps, func(other *App) bool { return other == a })
	if n := len(e.apps); n > 0 {
		e.log = e.apps[n-1].log
	}
}

// logger is the log of the configuration that counts, or last did.
func (e *engine) logger() *zap.Logger {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.log
}

// current is the app whose settings count; nil before the first has started.
func (e *engine) current() *App {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.apps) == 0 {
		return nil
	}
	return e.apps[len(e.apps)-1]
}

// ring is the master keys of the configuration that counts, nil while none does.
func (e *engine) ring() *keys.Ring {
	if a := e.current(); a != nil {
		return a.ring
	}
	return nil
}
