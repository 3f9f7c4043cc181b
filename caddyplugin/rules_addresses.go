package caddyplugin

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/config"
)

// trusts reports whether the server's trusted_proxies contain this address. It lets Caddy
// prepare a request from there and reads the result.
func trusts(srv *caddyhttp.Server, address netip.Addr) bool {
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/"}, Header: make(http.Header), RemoteAddr: net.JoinHostPort(address.String(), "1")}
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, srv)
	return caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey) == true
}

// peersOf returns an error if trust or guest has a remote_ip range with the address of a
// trusted proxy. All clients behind the proxy have that address, so the list would apply to
// all of them.
func peersOf(srv *caddyhttp.Server, site config.Site) error {
	if srv == nil {
		return nil
	}
	for name, sets := range map[string][]config.MatcherSet{"trust": site.Trust, "guest": site.Guest} {
		for _, set := range sets {
			var m struct{ Ranges []string }
			if json.Unmarshal(set["remote_ip"], &m) != nil {
				continue
			}
			for _, text := range m.Ranges {
				if first, ok := firstOf(text); ok && trusts(srv, first) {
					return fmt.Errorf("%s: remote_ip %s: trusted_proxies contains these addresses, too, and every client behind such a proxy has the proxy's address, so that the list would apply to all of them: "+
						"use client_ip, or leave the proxies' addresses out of the range", name, text)
				}
			}
		}
	}
	return nil
}

// firstOf returns the first address of a range, or the address itself.
func firstOf(text string) (netip.Addr, bool) {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Masked().Addr(), true
	}
	address, err := netip.ParseAddr(text)
	return address, err == nil
}

// trustsAll returns the warning for a server that trusts every peer as a proxy, or "".
func trustsAll(srv *caddyhttp.Server) string {
	for _, far := range []string{"192.0.2.1", "198.51.100.1", "203.0.113.1"} { // documentation addresses, which no proxy has
		if !trusts(srv, netip.MustParseAddr(far)) {
			return ""
		}
	}
	return "trusted_proxies contains all addresses, so every client can choose its address with X-Forwarded-For: client_ip in trust and guest, and the limits for each address, have no effect; name your proxies only"
}
