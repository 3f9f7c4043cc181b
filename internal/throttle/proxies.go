package throttle

import (
	"net/http"
	"net/netip"
	"sync/atomic"
)

// forwarded are the headers in which proxies send the client's address.
var forwarded = []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip"}

// Untrusted reports whether a request has a client address in a header that Caddy ignored because
// it does not trust the peer. The peer then counts as the client. Either it is a proxy that
// `trusted_proxies` lacks, and all customers behind it share one address, or the client has forged
// the header. remote is http.Request.RemoteAddr, client is the address by Caddy's client_ip, header
// is the request's as it arrived.
func Untrusted(remote, client string, header http.Header) bool {
	named := false
	for _, name := range forwarded {
		named = named || len(header[name]) > 0
	}
	if !named {
		return false
	}
	peer, known := peerOf(remote)
	ip, err := netip.ParseAddr(client)
	if !known || err != nil {
		return err != nil // the name of a Unix socket, which is the same for all clients
	}
	return ip.Unmap() == peer
}

// peerOf is the peer's address, if it has one.
func peerOf(remote string) (netip.Addr, bool) {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}, false
	}
	return at.Addr().Unmap(), true
}

// Proxies finds the first request of each kind for which Untrusted holds, so that one
// warning is logged at most: about a peer in a private network, which is a proxy in all
// likelihood, and about a public one, which is a CDN or a client that forges the header.
// The zero value is ready. Safe for concurrent use.
type Proxies struct {
	private, public atomic.Bool
}

// First reports whether a request is the first of its kind, and whether its peer is
// in a private network.
func (p *Proxies) First(remote, client string, header http.Header) (first, private bool) {
	if p.private.Load() && p.public.Load() || !Untrusted(remote, client, header) {
		return false, false
	}
	peer, known := peerOf(remote)
	private = !known || peer.IsPrivate() || peer.IsLoopback() || peer.IsLinkLocalUnicast()
	if private {
		return p.private.CompareAndSwap(false, true), true
	}
	return p.public.CompareAndSwap(false, true), false
}
