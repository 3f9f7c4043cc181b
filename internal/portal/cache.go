package portal

import (
	"net/http"
	"strings"
)

// Unshareable changes the headers of a response to which Secondgate adds a cookie. Only the browser
// may then cache the response, and it must revalidate it. A shared cache would otherwise send the
// cookie, and with it the visit, to every client that requests the same address (Apache's
// mod_cache_disk and CDNs store a response because of its Last-Modified alone).
//
// Cache-Control becomes `private, no-cache`, with the portal's `no-store` and `no-transform` if it
// has them. Fields by which caches may keep a response in spite of that are removed: Expires,
// Surrogate-Control (Fastly, Varnish), Edge-Control (Akamai), X-Accel-Expires (nginx takes it
// before Cache-Control), and each targeted Cache-Control: CDN-Cache-Control (RFC 9213),
// Cloudflare-CDN-Cache-Control, Vercel-CDN-Cache-Control, X-LiteSpeed-Cache-Control and others.
// Pragma goes too: in a response only `Pragma: public` of old PHP sites has a meaning.
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

// kept returns the portal's directives of Cache-Control that restrict caching and are preserved,
// each with a comma before it.
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
