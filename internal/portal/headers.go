package portal

import (
	"crypto/sha256"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// ordinary are request headers that say nothing about who somebody is. Every other
// header counts as a credential: it goes to whoami and into the answer's key.
// X-Forwarded-* are here because proxies set them; see pins.
var ordinary = []string{
	":protocol", // extended CONNECT: Go's HTTP/2 server puts it here
	"Accept", "Accept-Charset", "Accept-Datetime", "Accept-Encoding", "Access-Control-Request-Headers",
	"Access-Control-Request-Method", "Alt-Used", "Cache-Control", "Connection", "Content-Disposition", "Content-Encoding",
	"Content-Language", "Content-Length", "Content-Location", "Content-Md5", "Content-Range", "Content-Type", "Cookie", "Date", "Depth",
	"Device-Memory", "Dnt", "Downlink", "Dpr", "Early-Data", "Ect", "Expect", "From", "Host", "Http2-Settings",
	"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive", "Last-Event-Id",
	"Max-Forwards", "Ping-From", "Ping-To", "Pragma", "Prefer", "Priority", "Purpose", "Range", "Rtt",
	"Save-Data", "Sec-Gpc", "Sec-Purpose", "Sec-Speculation-Tags", "Service-Worker", "Service-Worker-Navigation-Preload", "Soapaction",
	"Te", "Traceparent", "Tracestate", "Trailer", "Transfer-Encoding", "Upgrade", "Upgrade-Insecure-Requests",
	"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", // others of the family: see class
	"Via", "Viewport-Width", "Width", "X-Csrf-Token", "X-Csrftoken", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto",
	"X-Requested-With", "X-Xsrf-Token",
}

// stripped are headers that carry credentials of their own and so a way around the
// sign-in form; they pass only where the Caddyfile declares them. The last ones make
// frameworks read a GET as another method.
var stripped = []string{
	"Authorization", "Proxy-Authorization", "Api-Key", "Apikey", "X-Api-Key", "X-Apikey", "X-Api-Token", "X-Access-Token",
	"X-Auth", "X-Auth-Key", "X-Auth-Token", "X-Authorization", "X-Session", "X-Session-Id", "X-Session-Token", "X-Token",
	"Private-Token", "Job-Token", "X-Gitlab-Token", "X-Redmine-Api-Key", "X-Redmine-Switch-User", "X-Switch-User",
	"X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
}

// unasked are not repeated in a question: they belong to the request's body, range,
// condition, connection or upgrade, or make a portal answer in another form.
var unasked = set(
	":protocol", "Accept", "Accept-Encoding", "Access-Control-Request-Headers", "Access-Control-Request-Method", "Cache-Control", "Connection", "Content-Disposition",
	"Content-Encoding", "Content-Language", "Content-Length", "Content-Location", "Content-Md5", "Content-Range", "Content-Type",
	"Cookie", "Expect", "Http2-Settings", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since",
	"Keep-Alive", "Last-Event-Id", "Pragma", "Prefer", "Range", "Service-Worker", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"X-Requested-With",
)

// class is what a request header means.
type class uint8

const (
	// credential is the zero value: whatever is not known counts as one.
	credential class = iota
	plain
	forbidden
	agent
	language
	origin
	clientHints
	platform
	mobile
	referer
	realIP
	forwardedFor
	forwarded
)

// pins are ordinary headers that portals pin sessions to. The last three claim the
// client's address; Caddy takes not all of them from strangers.
var pins = map[string]class{
	"User-Agent": agent, "Accept-Language": language, "Origin": origin,
	"Sec-Ch-Ua": clientHints, "Sec-Ch-Ua-Platform": platform, "Sec-Ch-Ua-Mobile": mobile,
	"Referer": referer, "X-Real-Ip": realIP, "X-Forwarded-For": forwardedFor, "Forwarded": forwarded,
}

// Headers knows what request headers mean at one site.
type Headers struct {
	classes map[string]class
	// asUsual: what usual says holds here; nothing else was declared of those headers.
	asUsual bool
}

// NewHeaders takes the headers that the site declares with `credential header`.
func NewHeaders(declared []string) *Headers {
	h := &Headers{classes: make(map[string]class), asUsual: true}
	for _, name := range ordinary {
		h.classes[http.CanonicalHeaderKey(name)] = plain
	}
	maps.Copy(h.classes, pins)
	for _, name := range stripped {
		h.classes[http.CanonicalHeaderKey(name)] = forbidden
	}
	for _, name := range declared {
		h.classes[http.CanonicalHeaderKey(name)] = credential
		h.asUsual = h.asUsual && usual(http.CanonicalHeaderKey(name)) == credential
	}
	return h
}

// usual is the class of what browsers send with every request, known without a look
// into memory that is rarely at hand; credential, the zero value, for all else.
func usual(name string) class {
	switch name {
	case "Accept", "Accept-Encoding", "Cache-Control", "Connection", "Cookie", "Priority", "Upgrade-Insecure-Requests",
		"Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User":
		return plain
	case "User-Agent":
		return agent
	case "Accept-Language":
		return language
	case "Referer":
		return referer
	}
	return credential
}

// class looks a header up. The families are ordinary, but portals may pin sessions
// to client hints, so those that have no place in Key are treated as credentials.
func (h *Headers) class(name string) class {
	if c := usual(name); c != credential && h.asUsual {
		return c
	}
	c, known := h.classes[name]
	if !known && (strings.HasPrefix(name, "Sec-Fetch-") || strings.HasPrefix(name, "Sec-Websocket-")) {
		return plain
	}
	return c
}

// Credential reports whether the portal could recognise somebody by the header.
func (h *Headers) Credential(name string) bool {
	c := h.class(name)
	return (c == credential || c == forbidden) && !strings.HasPrefix(name, "Sec-Ch-")
}

// Declared reports whether the site declares the header as a credential.
func (h *Headers) Declared(name string) bool {
	c, known := h.classes[name]
	return known && c == credential
}

// Strip removes, in place, what is a credential but not declared.
func (h *Headers) Strip(header http.Header) {
	for name := range header {
		if h.class(name) == forbidden {
			delete(header, name)
		}
	}
}

// Take is Strip, and returns what an answer depends on besides the jar, and whether
// any header is a credential.
func (h *Headers) Take(r *http.Request, address string) (key Key, credentials bool) {
	key = Key{Site: h, Host: Short(r.Host), Src: address}
	var extra []string
	for name, values := range r.Header {
		c := h.class(name)
		switch {
		case c == plain:
			continue
		case c == forbidden:
			delete(r.Header, name)
			continue
		case c != credential && len(values) == 1:
			key.pin(c, values[0])
			continue
		}
		credentials = credentials || h.Credential(name)
		extra = append(extra, name+"\x00"+strings.Join(values, "\x00"))
	}
	if len(extra) > 0 {
		slices.Sort(extra)
		key.Extra = Short(strings.Join(extra, "\x01"))
	}
	return key, credentials
}

// maxPart bounds each part of a Key in bytes. Keys outlive their requests, in the
// memory of thousands of visits, and strangers send headers of a megabyte.
const maxPart = 256

// Short returns s, or a digest that stands for it, which no header can send: it
// begins with a NUL.
func Short(s string) string {
	if len(s) <= maxPart {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "\x00" + string(sum[:])
}

func (k *Key) pin(c class, value string) {
	if c == referer {
		value = foreign(value, k.Host)
	}
	value = Short(value)
	switch c {
	case agent:
		k.Agent = value
	case language:
		k.Language = value
	case origin:
		k.Origin = value
	case clientHints:
		k.ClientHints = value
	case platform:
		k.Platform = value
	case mobile:
		k.Mobile = value
	case referer:
		k.Referer = value
	case realIP:
		k.RealIP = value
	case forwardedFor:
		k.ForwardedFor = value
	case forwarded:
		k.Forwarded = value
	}
}

// foreign is the host of a Referer, "" for the portal's own: some portals know nobody
// who comes from elsewhere (PHP's session.referer_check), but all know their own pages.
func foreign(referer, own string) string {
	_, rest, _ := strings.Cut(referer, "://")
	host, _, _ := strings.Cut(rest, "/")
	if strings.EqualFold(host, own) {
		return ""
	}
	return host
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[http.CanonicalHeaderKey(n)] = true
	}
	return m
}

// Question is the header that a question about this request starts from.
func Question(header http.Header) http.Header {
	out := make(http.Header, len(header)+3)
	for name, values := range header {
		if !unasked[name] && !strings.HasPrefix(name, "Sec-Fetch-") && !strings.HasPrefix(name, "Sec-Websocket-") {
			out[name] = values
		}
	}
	out["Accept"] = []string{"text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"}
	out["Accept-Encoding"] = []string{"identity"}
	out["Cache-Control"] = []string{"no-cache"}
	return out
}
