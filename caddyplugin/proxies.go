package caddyplugin

import (
	"net"
	"net/http"

	"go.uber.org/zap"
)

// Warnings about a peer that sends client addresses in a header, such as X-Forwarded-For, and
// that Caddy does not trust.
const (
	sharedAddress = "all customers behind this peer share one address, and its limits of wrong codes: if it is a proxy of yours, name it in Caddy's trusted_proxies"
	perhapsForged = sharedAddress + "; if it is not, ignore this, because the header has no effect"
)

// warnOfProxy logs a warning if `trusted_proxies` may lack a proxy: once for peers in private
// networks, and once for others. It must be called before the gate removes headers from the
// request.
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
