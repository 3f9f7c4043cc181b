package caddyplugin

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/portal/route"
)

// A header that handlers behind a gate make of a cookie or of another header may be what
// the portal knows users by. Where no question comes by, the portal is never asked about
// it.

// missedBy names a matcher that no question of the gates passes; "" for none, or no gate.
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

// meets reports whether an address of whoami may match one of the paths.
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

// credentialHeaders are those that nothing but credentials is sent in.
var credentialHeaders = []string{"Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"}

// forwarded are headers that proxies tell about a request, not about its user.
var forwarded = []string{"Host", "Forwarded", "X-Real-Ip", "X-Request-Id", "Connection", "Upgrade", "Accept", "Accept-Encoding", "Accept-Language", "User-Agent", "Referer", "Origin"}

// oneSide looks at a header that is made of a cookie or of another header where no
// question comes by: an error for what is a credential for sure, else noted for a warning.
func (w *lineWalk) oneSide(directive, field string, values any, gates []passedOne) {
	name := http.CanonicalHeaderKey(field)
	from := madeOfCredential(values, name)
	if len(gates) == 0 || w.missed == "" || from == "" || slices.Contains(forwarded, name) || strings.HasPrefix(name, "X-Forwarded-") {
		return
	}
	text := fmt.Sprintf("%s %s gets {%s} behind two_factor for %s alone, where whoami does not come by: the portal is never asked about the user that it may know by it; "+
		"set it for whoami's address, too (outside of the handle or matcher), or give whoami an address there", directive, field, short.Replace(from), w.missed)
	if w.err == nil && slices.Contains(credentialHeaders, name) {
		w.err = fmt.Errorf("%s", text)
		return
	}
	w.oneSided = append(w.oneSided, text)
}

// madeOfCredential is the cookie, or the header of another name, in a value; "" for none.
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
