package portal

import (
	"net/http"
	"strings"
)

// Unshareable makes a response that Secondgate adds a cookie to one that only the
// browser may keep, and that it must revalidate. A shared cache would otherwise hand the
// cookie, and with it the visit, to everyone who asks for the same address (Apache's
// mod_cache_disk and CDNs store a response for its Last-Modified alone).
//
// Cache-Control becomes `private, no-cache`, with the portal's `no-store` and
// `no-transform` if it has them. Fields that give caches a permission of their own are
// removed: Expires, Surrogate-Control (Fastly, Varnish), Edge-Control (Akamai),
// X-Accel-Expires (nginx takes it before Cache-Control), and each targeted
// Cache-Control: CDN-Cache-Control (RFC 9213), Cloudflare-CDN-Cache-Control,
// Vercel-CDN-Cache-Control, X-LiteSpeed-Cache-Control and others. Pragma goes too: in a
// response only `Pragma: public` of old PHP sites has a meaning.
func Unshareable(h http.Header) {
	var lines []string
	for name, values := range h {
		switch field := strings.ToLower(name); {
		case field == "cache-control":
			lines = append(lines, values...)
			delete(h, name)
		case field == "pragma", Permits(field):
			delete(h, name)
		}
	}
	h["Cache-Control"] = []string{"private, no-cache" + kept(lines)}
}

// Permits reports whether a header field, in lower case, can allow a cache to keep a
// response.
func Permits(field string) bool {
	switch field {
	case "expires", "surrogate-control", "edge-control", "x-accel-expires":
		return true
	}
	return strings.HasSuffix(field, "-cache-control")
}

// kept are the directives of Cache-Control that forbid something and stay.
func kept(lines []string) (directives string) {
	for _, name := range [...]string{"no-store", "no-transform"} {
		if has(lines, name) {
			directives += ", " + name
		}
	}
	return directives
}

// has reports whether Cache-Control has a directive. One within the quotes of another
// counts too: it can only make the response less cacheable.
func has(lines []string, directive string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(strings.Trim(part, " \t\""), "=")
			if strings.EqualFold(strings.TrimSpace(name), directive) {
				return true
			}
		}
	}
	return false
}
