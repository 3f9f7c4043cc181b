package portal

import (
	"net/http"
	"slices"
	"strings"
)

// ordinary are request headers that say nothing about who somebody is. Every other
// header counts as a credential: it goes to whoami and into the answer's key.
// X-Forwarded-* are here because Caddy sets them anew for the portal.
var ordinary = set(
	"Accept", "Accept-Charset", "Accept-Datetime", "Accept-Encoding", "Accept-Language", "Access-Control-Request-Headers",
	"Access-Control-Request-Method", "Alt-Used", "Cache-Control", "Connection", "Content-Disposition", "Content-Encoding",
	"Content-Language", "Content-Length", "Content-Location", "Content-Md5", "Content-Range", "Content-Type", "Cookie", "Date", "Depth",
	"Device-Memory", "Dnt", "Downlink", "Dpr", "Early-Data", "Ect", "Expect", "Forwarded", "From", "Host", "Http2-Settings",
	"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since", "Keep-Alive", "Last-Event-Id",
	"Max-Forwards", "Origin", "Ping-From", "Ping-To", "Pragma", "Prefer", "Priority", "Purpose", "Range", "Referer", "Rtt",
	"Save-Data", "Sec-Gpc", "Sec-Purpose", "Sec-Speculation-Tags", "Service-Worker", "Service-Worker-Navigation-Preload", "Soapaction",
	"Te", "Traceparent", "Tracestate", "Trailer", "Transfer-Encoding", "Upgrade", "Upgrade-Insecure-Requests", "User-Agent",
	"Via", "Viewport-Width", "Width", "X-Csrf-Token", "X-Csrftoken", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto",
	"X-Real-Ip", "X-Requested-With", "X-Xsrf-Token",
)

// stripped are headers that carry credentials of their own and so a way around the
// sign-in form; they pass only where the Caddyfile declares them. The last ones make
// frameworks read a GET as another method.
var stripped = set(
	"Authorization", "Proxy-Authorization", "Api-Key", "Apikey", "X-Api-Key", "X-Apikey", "X-Api-Token", "X-Access-Token",
	"X-Auth", "X-Auth-Key", "X-Auth-Token", "X-Authorization", "X-Session", "X-Session-Id", "X-Session-Token", "X-Token",
	"Private-Token", "Job-Token", "X-Gitlab-Token", "X-Redmine-Api-Key", "X-Redmine-Switch-User", "X-Switch-User",
	"X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
)

// unasked are not repeated in a question: they belong to the request's body, range,
// condition, connection or upgrade, or make a portal answer in another form.
var unasked = set(
	"Accept", "Accept-Encoding", "Access-Control-Request-Headers", "Access-Control-Request-Method", "Cache-Control", "Connection", "Content-Disposition",
	"Content-Encoding", "Content-Language", "Content-Length", "Content-Location", "Content-Md5", "Content-Range", "Content-Type",
	"Cookie", "Expect", "Http2-Settings", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since",
	"Keep-Alive", "Last-Event-Id", "Pragma", "Prefer", "Range", "Service-Worker", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	"X-Requested-With",
)

func set(names ...string) map[string]struct{} {
	m := make(map[string]struct{}, len(names))
	for _, n := range names {
		m[http.CanonicalHeaderKey(n)] = struct{}{}
	}
	return m
}

func in(m map[string]struct{}, name string) bool {
	_, ok := m[name]
	return ok
}

// Headers knows which request headers are credentials at one site.
type Headers struct {
	declared map[string]struct{}
}

// NewHeaders takes the headers that the site declares with `credential header`.
func NewHeaders(declared []string) *Headers { return &Headers{declared: set(declared...)} }

// Strip removes, in place, what is a credential but not declared.
func (h *Headers) Strip(header http.Header) {
	for name := range header {
		if in(stripped, name) && !in(h.declared, name) {
			delete(header, name)
		}
	}
}

// Credential reports whether the header counts as a credential.
func (h *Headers) Credential(name string) bool {
	if in(ordinary, name) || pinned(name) {
		return in(h.declared, name)
	}
	return true
}

// pinned reports the families of ordinary headers.
func pinned(name string) bool {
	return strings.HasPrefix(name, "Sec-Ch-") || strings.HasPrefix(name, "Sec-Fetch-") || strings.HasPrefix(name, "Sec-Websocket-")
}

// Pins fills in what an answer depends on besides the jar. Call it after Strip.
func (h *Headers) Pins(r *http.Request, address string) Key {
	key := Key{Host: r.Host, Src: address}
	var extra []string
	for name, values := range r.Header {
		switch name {
		case "User-Agent":
			key.Agent = values[0]
		case "Accept-Language":
			key.Language = values[0]
		case "Origin":
			key.Origin = values[0]
		case "Sec-Ch-Ua":
			key.ClientHints = values[0]
		case "Sec-Ch-Ua-Platform":
			key.Platform = values[0]
		case "Sec-Ch-Ua-Mobile":
			key.Mobile = values[0]
		default:
			if h.Credential(name) || strings.HasPrefix(name, "Sec-Ch-") {
				extra = append(extra, name+"\x00"+strings.Join(values, "\x00"))
			}
			continue
		}
		if len(values) != 1 {
			extra = append(extra, name+"\x00"+strings.Join(values, "\x00"))
		}
	}
	if len(extra) > 0 {
		slices.Sort(extra)
		key.Extra = strings.Join(extra, "\x01")
	}
	return key
}

// HasCredentials reports whether any header of the request is a credential.
func (h *Headers) HasCredentials(header http.Header) bool {
	for name := range header {
		if h.Credential(name) {
			return true
		}
	}
	return false
}

// Question is the header that a question about this request starts from.
func Question(header http.Header) http.Header {
	out := make(http.Header, len(header)+3)
	for name, values := range header {
		if !in(unasked, name) && !strings.HasPrefix(name, "Sec-Fetch-") && !strings.HasPrefix(name, "Sec-Websocket-") {
			out[name] = values
		}
	}
	out["Accept"] = []string{"text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"}
	out["Accept-Encoding"] = []string{"identity"}
	out["Cache-Control"] = []string{"no-cache"}
	return out
}
