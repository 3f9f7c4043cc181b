package request

import (
	"net/http"
	"net/url"
	"strings"
)

// ConnectionNames reports whether the Connection header names anything but connection
// options: Caddy would then remove that header from the request, and the portal would
// see another request than the one that was asked about.
func ConnectionNames(h http.Header) bool {
	for _, line := range h["Connection"] {
		for token := range strings.SplitSeq(line, ",") {
			switch strings.ToLower(strings.TrimSpace(token)) {
			case "", "keep-alive", "close", "upgrade", "te", "http2-settings":
			default:
				return true
			}
		}
	}
	return false
}

// RefuseConnect returns the status that a CONNECT is refused with, or 0 for one that opens a
// WebSocket as RFC 8441 (HTTP/2) and RFC 9220 (HTTP/3) have it. Go's server says so in a
// header, quic-go in Proto. Any other is refused: reverse_proxy sends it on as a CONNECT, and
// the bytes that follow it are the next request on a connection to the portal that is used
// again. A tunnel has no length.
func RefuseConnect(r *http.Request) (status int) {
	protocols := r.Header[":protocol"]
	webSocket := r.ProtoMajor == 2 && len(protocols) == 1 && protocols[0] == "websocket" || r.ProtoMajor == 3 && r.Proto == "websocket"
	switch {
	case !webSocket:
		return http.StatusMethodNotAllowed
	case r.ContentLength > 0 || r.Header["Content-Length"] != nil:
		return http.StatusBadRequest
	}
	return 0
}

// DropHTTP2 removes an offer of unencrypted HTTP/2, which some clients make with any request
// (RFC 9113 3.1 withdrew it). If the portal accepted it, later requests would bypass the gate.
func DropHTTP2(r *http.Request) {
	if strings.EqualFold(First(r.Header, "Upgrade"), "h2c") {
		delete(r.Header, "Upgrade")
		delete(r.Header, "Http2-Settings")
	}
}

// dropUpgrade removes an offer to leave HTTP that begins no tunnel: that of HTTP/2, and one
// in a request that is no GET or has a body (RFC 6455 4.1). A server that takes the latter
// for a WebSocket would give it to strangers, too (design rule G5).
func dropUpgrade(r *http.Request) {
	DropHTTP2(r)
	if r.Method != http.MethodGet || HasBody(r) {
		delete(r.Header, "Upgrade")
		delete(r.Header, "Http2-Settings")
	}
}

// upgrades reports whether a request would leave HTTP, after dropUpgrade.
func upgrades(r *http.Request) bool { return r.Header["Upgrade"] != nil }

// SafeMethod reports whether the method is safe (RFC 9110 9.2.1).
func SafeMethod(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// HasBody reports whether the request has, or may have, a body.
func HasBody(r *http.Request) bool {
	return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
}

// First is Header.Get for a canonical name.
func First(h http.Header, canonical string) string {
	if values := h[canonical]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Navigation reports whether a browser shows the response as a page.
func (f *Facts) Navigation() bool {
	h := f.R.Header
	if mode := First(h, "Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	if f.Upgrade || First(h, "X-Requested-With") != "" {
		return false
	}
	return strings.Contains(First(h, "Accept"), "text/html")
}

// ShowsPage reports whether a browser asks for a page to be shown in a window of its own,
// from its beginning.
func (f *Facts) ShowsPage() bool {
	dest := First(f.R.Header, "Sec-Fetch-Dest")
	return f.Navigation() && (dest == "" || dest == "document") && f.R.Header["Range"] == nil
}

// CrossSite reports whether another site caused the request in such a way that the browser may
// have left the visit's cookie out. It has not where the request navigates a window: with GET
// never, and with another method over HTTPS, where the cookie has SameSite=None. Nor has it where
// another host of the same site caused the request. Without Sec-Fetch-Site, the two can't be
// told apart, and another Origin counts as another site.
func (f *Facts) CrossSite() bool {
	h := f.R.Header
	switch h.Get("Sec-Fetch-Site") {
	case "":
		return foreignOrigin(h.Get("Origin"), f.R.Host)
	case "cross-site":
		top := h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document"
		return !(top && (f.R.Method == http.MethodGet || f.Client.Secure))
	}
	return false
}

// Foreign reports whether a page of another site caused the request without navigating to it: in
// the background, or in a frame. A browser sends only cookies with SameSite=None with such a
// request, and accepts no others from its response.
func (f *Facts) Foreign() bool {
	h := f.R.Header
	return h.Get("Sec-Fetch-Site") == "cross-site" && !(h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document")
}

func foreignOrigin(origin, host string) bool {
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || !strings.EqualFold(u.Host, host)
}
