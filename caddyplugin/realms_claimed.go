package caddyplugin

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/caddyplugin/routes"
	"github.com/secondgate/secondgate/config"
)

// claims are the handlers of a configuration that use the default realm. Two handlers may
// share it only if both name it: two sites with equal settings may still have different
// portals. If a directive of a Caddyfile becomes several handlers, all of them name the realm
// (caddyfile.NameRealm). It needs no lock, because Caddy provisions handlers sequentially.
type claims struct {
	// named is the last handler that names the realm, unnamed the one that does not; nil for
	// none.
	named, unnamed *claimant
}

// claimant is the place of a two_factor handler in the configuration.
type claimant struct {
	// address is the site's address, for messages.
	address string
	// at are the parts of the address that are compared one by one; see addressesOf. If there
	// are none, address is compared.
	at []string
	// shared is true for a named route, which several sites may invoke.
	shared bool
	// route is the site's route; nil for a named route.
	route *caddyhttp.Route
}

// add notes a handler. It returns an error if the handler would share the default realm
// with another one and not both name it.
func (c *claims) add(site config.Site, at claimant) error {
	const remedy = "give each portal a realm of its own, or both the same if they share their users (in JSON \"realm\": \"NAME\"); " + keepsDefault
	switch {
	case site.Realm != "" && site.Realm != defaultRealm:
		return nil
	case site.Realm == "" && at.shared:
		return errors.New("two_factor in a named route may stand for several sites, so it must name its realm (in JSON \"realm\": \"NAME\")")
	case site.Realm == "" && c.unnamed != nil:
		return fmt.Errorf("two sites use two_factor without naming a realm, %s and %s: "+remedy, c.unnamed.address, at.address)
	case site.Realm == "" && c.named != nil:
		return fmt.Errorf("%s uses two_factor without naming a realm, which is %q, and %s names that: "+remedy, at.address, defaultRealm, c.named.address)
	case site.Realm == defaultRealm && c.unnamed != nil:
		return fmt.Errorf("%s uses two_factor without naming a realm, which is %q, and %s names that: "+remedy, c.unnamed.address, defaultRealm, at.address)
	}
	if site.Realm == "" {
		c.unnamed = &at
	} else {
		c.named = &at
	}
	return nil
}

// claimantOf returns the place of the handler that is being provisioned. Caddy provisions the
// server's routes sequentially, and named routes after them.
func claimantOf(ctx caddy.Context) claimant {
	srv, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return claimant{address: "a site"}
	}
	i := slices.IndexFunc(srv.Routes, func(r caddyhttp.Route) bool { return len(r.HandlersRaw) > 0 && r.Handlers == nil })
	if i < 0 {
		return claimant{address: "a route of " + strings.Join(srv.Listen, ", "), shared: true}
	}
	sets := srv.Routes[i].MatcherSets
	return claimant{address: addressOf(sets, srv.Listen), at: addressesOf(sets, srv.Listen), route: &srv.Routes[i]}
}

// addressesOf returns a site's addresses: each host, and each host with each port; or the
// listen addresses if no host is named. The list still has one of the former addresses after
// the site gets an alias, another port or another interface.
func addressesOf(sets caddyhttp.MatcherSets, listen []string) (at []string) {
	hosts := routes.HostsOf(sets)
	if len(hosts) == 0 {
		return listen
	}
	for _, host := range hosts {
		at = append(at, host)
		for _, l := range listen {
			if address, err := caddy.ParseNetworkAddress(l); err == nil && !address.IsUnixNetwork() {
				l = strconv.FormatUint(uint64(address.StartPort), 10)
			}
			at = append(at, host+":"+l)
		}
	}
	return at
}

// addressOf returns a site's address for messages: its hosts and the listen addresses.
func addressOf(sets caddyhttp.MatcherSets, listen []string) string {
	hosts := routes.HostsOf(sets)
	if len(hosts) == 0 {
		return strings.Join(listen, ", ")
	}
	return strings.Join(hosts, ", ") + " (" + strings.Join(listen, ", ") + ")"
}

// served returns the addresses of all sites of the configuration, with and without a gate.
func (a *App) served() (at []string, err error) {
	mod, err := a.ctx.AppIfConfigured("http")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the sites: %w", err)
	}
	for _, srv := range mod.(*caddyhttp.App).Servers {
		for _, route := range srv.Routes {
			at = append(at, addressesOf(route.MatcherSets, srv.Listen)...)
		}
	}
	return at, nil
}

// places returns where the handlers of a realm are in the claimant's site. A place is a text:
// the site's address and the matchers on the way to the handler. A handler behind a matcher
// with two paths has two places. If one path is removed later, the other place remains, and
// server.moved does not take the realm for moved.
func (c claimant) places(realm string) []string {
	if c.route != nil {
		if found := c.find(realm); len(found) > 0 {
			return found
		}
	}
	return c.addresses() // in a named route, or in a handler that find does not look into
}

func (c claimant) addresses() []string {
	if len(c.at) == 0 {
		return []string{c.address}
	}
	return c.at
}

// find returns the places of the handlers of a realm in the claimant's route.
func (c claimant) find(realm string) (found []string) {
	for _, within := range routes.Places(c.route, realm) {
		for _, address := range c.addresses() {
			found = append(found, address+within)
		}
	}
	return found
}
