package portal

import (
	"crypto/sha256"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// class is the class of a request header. It decides whether questions get the header and whether
// its value is part of the keys of answers.
type class uint8

const (
	// credential headers may tell the portal who sent the request. It is the zero value:
	// an unknown header is a credential. They are copied into questions and are part of
	// the pins.
	credential class = iota
	// constant headers get a fixed value in questions, as long as the request has a value
	// that browsers send by themselves (see usualValue). Any other value is copied and is
	// part of the varying values.
	constant
	// varying headers are copied and are part of the varying values.
	varying
	// hop headers describe the body, range, condition, connection or upgrade of one
	// request. They are never in a question.
	hop
	// tracing headers are set by proxies, with a new value for each request. They are not in
	// questions.
	tracing
	// forbidden headers are credentials that the site does not declare. They are removed.
	forbidden
	// The remaining classes are pins: constant in one browser. Portals bind sessions to them.
	agent
	language
	encoding
	clientHints
	platform
	mobile
	realIP
	forwardedFor
	forwarded
)

var hopHeaders = []string{
	":protocol", // extended CONNECT: Go's HTTP/2 server puts it here
	"Connection", "Content-Length", "Cookie", "Expect", "Host", "Http2-Settings", "If-Match", "If-Modified-Since", "If-None-Match",
	"If-Range", "If-Unmodified-Since", "Keep-Alive", "Range", "Sec-Websocket-Accept", "Sec-Websocket-Extensions", "Sec-Websocket-Key",
	"Sec-Websocket-Version", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// constantHeaders are those that browsers vary from request to request.
var constantHeaders = []string{
	"Accept", "Access-Control-Request-Headers", "Access-Control-Request-Method", "Cache-Control", "Content-Type", "Early-Data", "Pragma",
	"Priority", "Purpose", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Sec-Purpose", "Service-Worker",
	"Service-Worker-Navigation-Preload", "Upgrade-Insecure-Requests", "X-Requested-With",
}

var varyingHeaders = []string{
	"Accept-Charset", "Accept-Datetime", "Alt-Used", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Location",
	"Content-Md5", "Content-Range", "Date", "Depth", "Device-Memory", "Dnt", "Downlink", "Dpr", "Ect", "From", "Last-Event-Id", "Max-Forwards", "Origin", "Ping-From", "Ping-To", "Prefer",
	"Referer", "Rtt", "Save-Data", "Sec-Gpc", "Sec-Speculation-Tags", "Soapaction", "Via", "Viewport-Width", "Width", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Csrf-Token", "X-Csrftoken", "X-Xsrf-Token",
}

// tracingHeaders name one request for logs: W3C Trace Context and Baggage, Zipkin B3,
// AWS, Google Cloud, Cloudflare, Azure, Fastly, Heroku, Datadog.
var tracingHeaders = []string{
	"Traceparent", "Tracestate", "Baggage", "B3", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags",
	"X-Request-Id", "X-Correlation-Id", "X-Amzn-Trace-Id", "X-Amz-Cf-Id", "X-Cloud-Trace-Context", "Cf-Ray", "X-Azure-Ref",
	"X-Fastly-Request-Id", "X-Request-Start", "X-Datadog-Trace-Id", "X-Datadog-Parent-Id", "X-Datadog-Sampling-Priority", "Uber-Trace-Id",
}

// strippedHeaders are credentials that bypass the sign-in form. They pass only if the Caddyfile
// declares them. The last ones make frameworks (IIS, Symfony, Zend Framework) read a GET as
// another method, or another address.
var strippedHeaders = []string{
	"Authorization", "Proxy-Authorization", "Api-Key", "Apikey", "X-Api-Key", "X-Apikey", "X-Api-Token", "X-Access-Token",
	"X-Auth", "X-Auth-Key", "X-Auth-Token", "X-Authorization", "X-Session", "X-Session-Id", "X-Session-Token", "X-Token",
	"Private-Token", "Job-Token", "X-Gitlab-Token", "X-Redmine-Api-Key", "X-Redmine-Switch-User", "X-Switch-User",
	"X-Http-Method", "X-Http-Method-Override", "X-Method-Override",
	"X-Original-Url", "X-Rewrite-Url",
}

// pins are headers that are constant in one browser. The last three state the client's
// address; Caddy does not remove all of them from strangers' requests.
var pins = map[string]class{
	"User-Agent": agent, "Accept-Language": language, "Accept-Encoding": encoding,
	"Sec-Ch-Ua": clientHints, "Sec-Ch-Ua-Platform": platform, "Sec-Ch-Ua-Mobile": mobile,
	"X-Real-Ip": realIP, "X-Forwarded-For": forwardedFor, "Forwarded": forwarded,
}

// Pins are the values, other than cookies, that an answer depends on and that are constant in
// one browser.
type Pins struct {
	// Site distinguishes the sites that share a realm, and so a visit. They may have different
	// portals or questions.
	Site                               *Headers
	Host, Agent, Language, Encoding    string
	ClientHints, Platform, Mobile, Src string
	RealIP, ForwardedFor, Forwarded    string
	// Identity is a credential that the server itself adds: a client certificate, or the user whom
	// an authentication handler before the gate identified.
	Identity string
	// Placeholders identifies the other values that handlers before the gate stored for the request
	// and its questions. They are no credentials, but the portal may recognise another user by
	// them. Usually empty.
	Placeholders string
	// Query holds declared parameters of the query; usually empty.
	Query string
	// Extra holds declared and unknown headers; usually empty.
	Extra string
}

// Headers assigns a class to each request header at one site.
type Headers struct {
	classes map[string]class
	// asUsual says that usual returns the right class for every header at this site: none of the
	// headers that it knows is declared as a credential.
	asUsual bool
}

// NewHeaders takes the headers that the site declares with `credential header`.
func NewHeaders(declared []string) *Headers {
	h := &Headers{classes: make(map[string]class), asUsual: true}
	for _, list := range []struct {
		names []string
		class class
	}{
		{hopHeaders, hop}, {constantHeaders, constant}, {varyingHeaders, varying}, {tracingHeaders, tracing}, {strippedHeaders, forbidden},
	} {
		for _, name := range list.names {
			h.classes[http.CanonicalHeaderKey(name)] = list.class
		}
	}
	h.classes[":protocol"] = hop
	maps.Copy(h.classes, pins)
	for _, name := range declared {
		h.classes[http.CanonicalHeaderKey(name)] = credential
		h.asUsual = h.asUsual && usual(http.CanonicalHeaderKey(name)) == credential
	}
	return h
}

// usual returns the class of the headers that browsers send with every request without
// a map access; credential, the zero value, for all others.
func usual(name string) class {
	switch name {
	case "Accept", "Cache-Control", "Priority", "Upgrade-Insecure-Requests", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User":
		return constant
	case "Connection", "Cookie":
		return hop
	case "User-Agent":
		return agent
	case "Accept-Language":
		return language
	case "Accept-Encoding":
		return encoding
	case "Referer":
		return varying
	}
	return credential
}

// class returns the class of a header.
func (h *Headers) class(name string) class {
	if c := usual(name); c != credential && h.asUsual {
		return c
	}
	c, known := h.classes[name]
	if !known && strings.HasPrefix(name, "Sec-Fetch-") {
		return constant
	}
	return c
}

// Credential reports whether the portal could recognise a user by the header.
func (h *Headers) Credential(name string) bool {
	c := h.class(name)
	return (c == credential || c == forbidden) && !strings.HasPrefix(name, "Sec-Ch-")
}

// Declared reports whether the site declares the header as a credential.
func (h *Headers) Declared(name string) bool {
	c, known := h.classes[name]
	return known && c == credential
}

// Take removes from the request what the portal must not see: undeclared credentials, and
// malformed range, condition and upgrade headers. It returns the pins of the remaining request,
// and whether any of its headers is a credential.
func (h *Headers) Take(r *http.Request, address string) (p Pins, credentials bool) {
	p = Pins{Site: h, Host: Short(r.Host), Src: address}
	var extra []string
	for name, values := range r.Header {
		c := h.class(name)
		switch {
		case c == constant, c == varying, c == tracing:
			continue
		case c == hop:
			if !wellFormed(name, values) {
				delete(r.Header, name)
			}
			continue
		case c == forbidden:
			delete(r.Header, name)
			continue
		case c != credential && len(values) == 1:
			p.pin(c, values[0])
			continue
		}
		credentials = credentials || h.Credential(name)
		extra = append(extra, name+"\x00"+strings.Join(values, "\x00"))
	}
	if len(extra) > 0 {
		slices.Sort(extra)
		p.Extra = Short(strings.Join(extra, "\x01"))
	}
	return p, credentials
}

// maxPart bounds each part of Pins in bytes. Keys outlive their requests, in the memory
// of thousands of visits, and clients send headers of a megabyte.
const maxPart = 256

// Short returns s, or for a long s a digest that begins with a NUL, which no header
// value can contain.
func Short(s string) string {
	if len(s) <= maxPart {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "\x00" + string(sum[:])
}

func (p *Pins) pin(c class, value string) {
	value = Short(value)
	switch c {
	case agent:
		p.Agent = value
	case language:
		p.Language = value
	case encoding:
		p.Encoding = value
	case clientHints:
		p.ClientHints = value
	case platform:
		p.Platform = value
	case mobile:
		p.Mobile = value
	case realIP:
		p.RealIP = value
	case forwardedFor:
		p.ForwardedFor = value
	case forwarded:
		p.Forwarded = value
	}
}
