package caddyplugin

import (
	"net/http"
	"net/url"
	"strings"
)

// tooEarly reports whether the request must wait for the TLS handshake. Early data (TLS
// 1.3, HTTP/3 0-RTT) can be replayed by a client that recorded it and, over HTTP/3, sent from
// a forged address. So nothing that changes anything, and nothing of the own pages,
// which count failures by address, is done for it. In `mode observe` everything is
// forwarded.
func (h *Handler) tooEarly(r *http.Request, asked *url.URL) bool {
	unsafe := !safeMethod(r.Method) || r.ContentLength > 0
	return !h.observes && (unsafe || h.ownPage(asked.Path)) && early(r)
}

// early reports whether the request arrived as early data, here or at a proxy in front,
// which says so with Early-Data (RFC 8470). A client gains nothing by that header.
func early(r *http.Request) bool {
	if r.TLS != nil && !r.TLS.HandshakeComplete {
		return true
	}
	_, forwarded := r.Header["Early-Data"]
	return forwarded
}

// ownPage reports whether a path is one of Secondgate's own pages.
func (h *Handler) ownPage(path string) bool {
	rest, ok := strings.CutPrefix(path, h.path)
	return ok && (rest == "" || rest[0] == '/')
}

func safeMethod(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// refuseEarly has the client send the request again after the handshake. Browsers and
// proxies do so by themselves.
func refuseEarly(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusTooEarly)
	return nil
}
