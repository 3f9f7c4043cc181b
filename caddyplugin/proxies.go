package caddyplugin

import (
	"net"
	"net/http"

	"go.uber.org/zap"
)

// Warnings about a peer that names clients in a header that Caddy does not believe.
const (
	sharedAddress = "all customers behind this peer share one address, and with it its budgets of wrong codes: if it is a proxy of yours, name it in Caddy's trusted_proxies"
	perhapsForged = sharedAddress + "; if it is not, the client made up a header that nothing believes"
)

// warnOfProxy warns once, and once more about a peer outside of private networks, of a
// proxy that `trusted_proxies` may lack. The request's header must be as it arrived: the
// gate removes some of it.
func (h *Handler) warnOfProxy(r *http.Request, address string) {
	first, private := h.proxies.First(r.RemoteAddr, address, r.Header)
	if !first {
		return
	}
	text := perhapsForged
	if private {
		text = sharedAddress
	}
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		peer = r.RemoteAddr // a Unix socket has no port
	}
	h.log.Warn(text, zap.String("peer", peer))
}
