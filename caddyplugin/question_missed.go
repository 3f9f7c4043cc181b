package caddyplugin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/portal/route"
)

// The portal may recognise users by a header that handlers behind a gate make of a cookie or of
// another header. If they do so only in a route that no question matches, the portal is never
// asked about the user of that header.

// missedBy returns the matcher by which a route excludes all questions of the gates. sets are
// the route's matchers. It returns "" if a question may match, or if there is no gate.
func missedBy(sets []map[string]any, gates []passedOne, prefixes []string) (name string) {
	if len(gates) == 0 {
		return ""
	}
	for _, set := range sets {
		paths, hasPaths := set["path"].([]any)
		methods, hasMethods := set["method"].([]any)
		switch {
		case hasPaths && !slices.ContainsFunc(gates, func(g passedOne) bool { return slices.ContainsFunc(g.asks, meets(paths, prefixes)) }):
			name = fmt.Sprint(paths...)
		case hasMethods && !slices.Contains(methods, any(http.MethodGet)):
			name = "method " + fmt.Sprint(methods...)
		default:
			return ""
		}
	}
	return name
}

// meets returns a function that reports whether the URI of a question may match one of the
// paths of a matcher.
func meets(paths []any, prefixes []string) func(uri string) bool {
	return func(uri string) bool {
		path, _, _ := strings.Cut(uri, "?")
		readings, _ := withoutPrefixes([]string{path}, prefixes)
		return slices.ContainsFunc(paths, func(p any) bool {
			pattern, _ := p.(string)
			return strings.Contains(pattern, "{") || route.Patterns{pattern}.Any(readings)
		})
	}
}

// credentialHeaders are headers that contain nothing but credentials.
var credentialHeaders = []string{"Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"}

// forwarded are headers that say nothing about the user of a request.
var forwarded = []string{"Host", "Forwarded", "X-Real-Ip", "X-Request-Id", "Connection", "Upgrade", "Accept", "Accept-Encoding", "Accept-Language", "User-Agent", "Referer", "Origin"}

// oneSide checks a header that is set in a route that no question matches (w.missed). If the
// header is made of a cookie or of another header, it is an error for credentialHeaders, and a
// warning in w.oneSided for others.
func (w *lineWalk) oneSide(directive, field string, values any, gates []passedOne) {
	name := http.CanonicalHeaderKey(field)
	from := madeOfCredential(values, name)
	if len(gates) == 0 || w.missed == "" || from == "" || slices.Contains(forwarded, name) || strings.HasPrefix(name, "X-Forwarded-") {
		return
	}
	text := fmt.Sprintf("%s %s gets {%s} behind two_factor only for %s, which no question to whoami matches: the portal may recognise a user by it whom whoami never names; "+
		"set it for whoami's address, too (outside of the handle or matcher), or choose an address for whoami that matches", directive, field, short.Replace(from), w.missed)
	if w.err == nil && slices.Contains(credentialHeaders, name) {
		w.err = fmt.Errorf("%s", text)
		return
	}
	w.oneSided = append(w.oneSided, text)
}

// madeOfCredential returns the first placeholder in values of a cookie or of a header other
// than field, or "".
func madeOfCredential(values any, field string) string {
	for _, m := range mentioned.FindAllStringSubmatch(fmt.Sprint(values), -1) {
		if strings.HasPrefix(m[1], "http.request.cookie.") {
			return m[1]
		}
		if strings.HasPrefix(m[1], "http.request.header.") && headerOf(m[1]) != field {
			return m[1]
		}
	}
	return ""
}
