package portal

import (
	"crypto/sha256"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// A question has headers of the request that it is about (design rule Q1). Every header that a
// question copies is part of the key of its answer, as a pin or as a varying value. Headers that
// are not part of the key are not copied.

// The values that questions have in place of the usual values of Accept and Cache-Control.
var (
	constantAccept       = []string{"text/html,application/xhtml+xml,application/json;q=0.9,*/*;q=0.8"}
	constantCacheControl = []string{"no-cache"}
)

// Question returns the header of a question about a request with this header. The
// Cookie header is not in it; see [Asker.Ask].
func (h *Headers) Question(header http.Header) http.Header {
	out := make(http.Header, len(header)+2)
	for name, values := range header {
		switch c := h.class(name); c {
		case hop, tracing, forbidden:
		case constant:
			if !usualValues(name, values) {
				out[name] = values
			}
		default:
			out[name] = values
		}
	}
	if out["Accept"] == nil {
		out["Accept"] = constantAccept
	}
	if out["Cache-Control"] == nil {
		out["Cache-Control"] = constantCacheControl
	}
	return out
}

// InQuestions reports whether a question has the request's values of a header. It does not copy
// headers that describe one request: its body, range, conditions and traces.
func (h *Headers) InQuestions(name string) bool {
	c := h.class(name)
	return c != hop && c != tracing
}

// Varying is a digest of the values that a question copies and that change from request to
// request in one browser. It is comparable; the zero value means that there are none.
type Varying [sha256.Size]byte

// Varying returns the digest of the request's varying headers and public cookies.
func (h *Headers) Varying(header http.Header, v View) Varying {
	var parts []string
	for name, values := range header {
		switch c := h.class(name); {
		case c == varying, c == constant && !usualValues(name, values):
			parts = append(parts, name+"\x00"+strings.Join(values, "\x00"))
		}
	}
	if v.Public != "" {
		parts = append(parts, "Cookie\x00"+v.Public)
	}
	if len(parts) == 0 {
		return Varying{}
	}
	slices.Sort(parts)
	return sha256.Sum256([]byte(strings.Join(parts, "\x01")))
}

// maxUsual bounds, in bytes, the header values that are matched with usualValue and formed.
const maxUsual = 1024

// usualValues reports whether a header of class constant has a value that browsers send
// by themselves.
func usualValues(name string, values []string) bool {
	if len(values) != 1 || len(values[0]) > maxUsual {
		return false
	}
	re, known := usualValue[name]
	return known && re.MatchString(values[0])
}

const (
	mediaRange = `(\*/\*|(text|image|audio|video|font|application)/(\*|html|css|plain|javascript|xml|json|xhtml\+xml|event-stream|pdf|` +
		`signed-exchange|manifest\+json|ld\+json|problem\+json|octet-stream|ogg|webm|mp4|mpeg|avif|webp|apng|svg\+xml|png|jpeg|gif|jxl|x-icon|woff2?|font-woff2?))`
	mediaParams = `(;v=b3)?(;charset=utf-8)?(;q=[01](\.[0-9]{1,3})?)?`
	token       = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
)

// usualValue matches what browsers send by themselves: the Fetch and Client Hints
// standards, RFC 9218 (Priority), RFC 9110.
var usualValue = map[string]*regexp.Regexp{
	"Accept":                         regexp.MustCompile(`^` + mediaRange + mediaParams + `(, ?` + mediaRange + mediaParams + `){0,15}$`),
	"Access-Control-Request-Headers": regexp.MustCompile(`^` + token + `(, ?` + token + `)*$`),
	"Access-Control-Request-Method":  regexp.MustCompile(`^[A-Z]{3,10}$`),
	"Cache-Control":                  regexp.MustCompile(`^(no-cache|no-store|max-age=0|only-if-cached|no-cache, no-store)$`),
	"Content-Type": regexp.MustCompile(`^(application/x-www-form-urlencoded|application/json|text/plain|application/csp-report|` +
		`application/reports\+json)(; ?charset=(?i:utf-8))?$|^multipart/form-data; boundary="?[0-9A-Za-z'()+_,./:=?-]{1,70}"?$`),
	"Early-Data": regexp.MustCompile(`^1$`),
	"Pragma":     regexp.MustCompile(`^no-cache$`), "Upgrade-Insecure-Requests": regexp.MustCompile(`^1$`),
	"Priority": regexp.MustCompile(`^(u=[0-7])?(, ?)?i?$`),
	"Purpose":  regexp.MustCompile(`^prefetch$`), "Sec-Purpose": regexp.MustCompile(`^prefetch(;(prerender|anonymous-client-ip))*$`),
	"Sec-Fetch-Dest": regexp.MustCompile(`^[a-z]{3,16}$`), "Sec-Fetch-Mode": regexp.MustCompile(`^(navigate|cors|no-cors|same-origin|websocket)$`),
	"Sec-Fetch-Site": regexp.MustCompile(`^(none|same-origin|same-site|cross-site)$`), "Sec-Fetch-User": regexp.MustCompile(`^\?1$`),
	"Sec-Fetch-Storage-Access": regexp.MustCompile(`^(none|inactive|active)$`),
	"Service-Worker":           regexp.MustCompile(`^script$`), "Service-Worker-Navigation-Preload": regexp.MustCompile(`^true$`),
	"X-Requested-With": regexp.MustCompile(`^XMLHttpRequest$`),
}

// formed matches the hop headers that browsers send and that may reach the portal. A value of
// another form is removed: questions never have these headers, so the portal must not be able to
// recognise a session by them.
var formed = map[string]*regexp.Regexp{
	"If-Match":                 regexp.MustCompile(etags),
	"If-None-Match":            regexp.MustCompile(etags),
	"If-Modified-Since":        regexp.MustCompile(httpDate),
	"If-Unmodified-Since":      regexp.MustCompile(httpDate),
	"If-Range":                 regexp.MustCompile(etags + "|" + httpDate),
	"Range":                    regexp.MustCompile(`^bytes=[0-9]{0,18}-[0-9]{0,18}(, ?[0-9]{0,18}-[0-9]{0,18}){0,9}$`),
	"Upgrade":                  regexp.MustCompile(`^(?i:websocket|h2c)$`),
	"Te":                       regexp.MustCompile(`^(?i:trailers)$`),
	"Expect":                   regexp.MustCompile(`^(?i:100-continue)$`),
	"Sec-Websocket-Key":        regexp.MustCompile(`^[0-9A-Za-z+/]{22}==$`),
	"Sec-Websocket-Version":    regexp.MustCompile(`^13$`),
	"Sec-Websocket-Extensions": regexp.MustCompile(`^permessage-deflate[0-9a-z_;=, -]{0,120}$`),
}

const (
	etags    = `^(\*|(W/)?"[\x21\x23-\x7e]*"(, ?(W/)?"[\x21\x23-\x7e]*")*)$`
	httpDate = `^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$`
)

// wellFormed reports whether a hop header may reach the portal.
func wellFormed(name string, values []string) bool {
	re, known := formed[name]
	if !known {
		return name != "Sec-Websocket-Accept" // the others are read by Go's server and by Caddy
	}
	return len(values) == 1 && len(values[0]) <= maxUsual && re.MatchString(values[0])
}
