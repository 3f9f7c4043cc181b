package caddyplugin

import (
	"net/http"
	"net/url"
	"strings"
)

// tooEarly reports whether the request must wait for the TLS handshake. Early data (0-RTT in
// TLS 1.3 and HTTP/3) can be replayed by an attacker who recorded it and, over HTTP/3, sent
// from a forged address. Early data is therefore refused for requests that may change
// something, and for the own pages, which count failures by address. In `mode observe` all
// requests are forwarded.
func (h *Handler) tooEarly(r *http.Request, asked *url.URL) bool {
	unsafe := !safeMethod(r.Method) || r.ContentLength > 0
	return !h.observes && (unsafe || h.ownPage(asked.Path)) && early(r)
}

// early reports whether the request arrived as early data, here or at a proxy in front, which
// adds the header Early-Data (RFC 8470). A client that forges the header is only refused.
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

// refuseEarly answers 425 Too Early. Browsers and proxies then send the request again after
// the handshake.
func refuseEarly(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusTooEarly)
	return nil
}
