package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/secondgate/secondgate/config"
)

// object is a decoded JSON object of Caddy's configuration.
type object = map[string]any

// readConfig reads the operator's configuration as Caddy would, without loading it.
func readConfig(file, adapter string) (object, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the configuration can't be read: %w; name it with --config", err)
	}
	if adapter == "" && filepath.Ext(file) != ".json" {
		adapter = "caddyfile"
	}
	if adapter != "" {
		a := caddyconfig.GetAdapter(adapter)
		if a == nil {
			return nil, fmt.Errorf("there is no config adapter %q in this build", adapter)
		}
		if text, _, err = a.Adapt(text, map[string]any{"filename": file}); err != nil {
			return nil, fmt.Errorf("%s is not right yet: %w", file, err)
		}
	}
	var c object
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, fmt.Errorf("%s is no configuration in JSON: %w; name its form with --adapter", file, err)
	}
	return c, nil
}

// foundSite is a site of the operator's configuration that has a two_factor handler: one route
// of a server, as the Caddyfile adapter makes one for each site block.
type foundSite struct {
	hosts  []string // its host matchers; none for a site that is only a port
	listen string   // ":443"
	secure bool     // served with HTTPS
	route  object
	server object
	gates  []json.RawMessage // its two_factor handlers, each once
}

// name returns the site's first host, or its listen address if it has none. Messages and
// --site use it.
func (s foundSite) name() string {
	if len(s.hosts) == 0 {
		return s.listen
	}
	return s.hosts[0]
}

// host returns the host and port of the site's URL. If the site's name is a wildcard, wanted
// (the value of --site) must name one host.
func (s foundSite) host(wanted string) (string, error) {
	host := s.name()
	if len(s.hosts) == 0 {
		host = "localhost"
	}
	if strings.Contains(host, "*") || strings.Contains(host, "{") {
		if host = wanted; host == "" || strings.Contains(host, "*") {
			return "", fmt.Errorf("the site %s has many names: say with --site which of them to rehearse, such as --site portal.example.com", s.name())
		}
	}
	_, port, _ := net.SplitHostPort(s.listen)
	if behindProxy(s.server) {
		return host, nil
	}
	if usual := map[bool]string{true: "443", false: "80"}; port == "" || port == usual[s.secure] || strings.Contains(host, ":") {
		return host, nil
	}
	return net.JoinHostPort(host, port), nil
}

func (s foundSite) answersTo(wanted string) bool {
	bare, port, err := net.SplitHostPort(wanted)
	_, own, _ := net.SplitHostPort(s.listen)
	if err != nil {
		bare, port = wanted, own
	}
	if wanted == s.listen {
		return true
	}
	return port == own && s.hasHost(bare)
}

// hasHost reports whether one of the site's names, which may be wildcards, matches host.
func (s foundSite) hasHost(host string) bool {
	return slices.ContainsFunc(s.hosts, func(h string) bool {
		ok, err := path.Match(strings.ToLower(h), strings.ToLower(host))
		return ok && err == nil
	})
}

// pickSite returns the site to rehearse: the one that wanted names, or the only one.
func pickSite(c object, wanted string) (foundSite, error) {
	sites := findSites(c)
	if len(sites) == 0 {
		return foundSite{}, errors.New("no site of this configuration has two_factor: put `two_factor { … }` into the site of the portal, before its reverse_proxy")
	}
	var names []string
	var fitting []foundSite
	for _, s := range sites {
		names = append(names, s.name())
		if wanted == "" || s.answersTo(wanted) {
			fitting = append(fitting, s)
		}
	}
	switch {
	case len(fitting) == 0:
		return foundSite{}, fmt.Errorf("no site %q has two_factor; those that have it: %s", wanted, strings.Join(names, ", "))
	case len(fitting) > 1:
		return foundSite{}, fmt.Errorf("several sites have two_factor: %s; say with --site which one to rehearse", strings.Join(names, ", "))
	}
	if n := len(fitting[0].gates); n > 1 {
		return foundSite{}, fmt.Errorf("the site %s has %d two_factor blocks; only a site with one can be rehearsed: rehearse a copy of the file with one of them at a time", fitting[0].name(), n)
	}
	return fitting[0], nil
}

func findSites(c object) (sites []foundSite) {
	servers := member(member(member(c, "apps"), "http"), "servers")
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		server := member(servers, name)
		routes, _ := server["routes"].([]any)
		for _, r := range routes {
			route, _ := r.(object)
			if s, ok := siteWithGate(server, route); ok {
				sites = append(sites, s)
			}
		}
	}
	return sites
}

func siteWithGate(server, route object) (foundSite, bool) {
	s := foundSite{route: route, server: server}
	eachHandler(route, func(h object) []any {
		if h["handler"] == "two_factor" {
			raw, err := json.Marshal(h)
			same := func(o json.RawMessage) bool { return string(o) == string(raw) }
			if err == nil && !slices.ContainsFunc(s.gates, same) {
				s.gates = append(s.gates, raw)
			}
		}
		return []any{h}
	})
	for _, m := range list(route["match"]) {
		set, _ := m.(object)
		for _, h := range list(set["host"]) {
			s.hosts = append(s.hosts, fmt.Sprint(h))
		}
	}
	for _, l := range list(server["listen"]) {
		s.listen = fmt.Sprint(l)
	}
	s.secure = secureSite(s)
	return s, len(s.gates) > 0
}

// behindProxy reports whether the server has trusted proxies. Customers then reach it through
// a proxy that terminates HTTPS.
func behindProxy(server object) bool { return server["trusted_proxies"] != nil }

// secureSite reports whether customers use HTTPS: the site is behind a proxy, the server has
// TLS settings, or Caddy's automatic HTTPS applies to the site's host (it does not with
// `http://` or `auto_https off`).
func secureSite(s foundSite) bool {
	if behindProxy(s.server) {
		return true
	}
	if _, own := s.server["tls_connection_policies"]; own {
		return true
	}
	auto := member(s.server, "automatic_https")
	_, port, _ := net.SplitHostPort(s.listen)
	if auto["disable"] == true || port == "80" || len(s.hosts) == 0 {
		return false
	}
	return !slices.ContainsFunc(list(auto["skip"]), func(h any) bool { return fmt.Sprint(h) == s.hosts[0] })
}

// settings returns the settings of the site's only gate, with preset and defaults.
func (s foundSite) settings() (config.Site, error) {
	var site config.Site
	if err := json.Unmarshal(s.gates[0], &site); err != nil {
		return site, fmt.Errorf("two_factor of %s: %w", s.name(), err)
	}
	return site.Resolved()
}

// eachHandler replaces each handler in the routes below v by the handlers that change returns
// for it, and does the same inside these.
func eachHandler(v any, change func(object) []any) {
	switch v := v.(type) {
	case object:
		if handlers, ok := v["handle"].([]any); ok {
			var changed []any
			for _, h := range handlers {
				one, ok := h.(object)
				if !ok {
					continue
				}
				changed = append(changed, change(one)...)
			}
			v["handle"] = changed
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			eachHandler(v[name], change)
		}
	case []any:
		for _, one := range v {
			eachHandler(one, change)
		}
	}
}

func member(o object, name string) object {
	m, _ := o[name].(object)
	return m
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// copied returns a deep copy of o.
func copied(o object) object {
	raw, err := json.Marshal(o)
	if err != nil {
		panic("what was JSON is JSON: " + err.Error())
	}
	var c object
	if err := json.Unmarshal(raw, &c); err != nil {
		panic("what was JSON is JSON: " + err.Error())
	}
	return c
}
