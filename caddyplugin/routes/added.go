package routes

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/portal/route"
)

// check calls refuse for each request header that a handler sets, adds or replaces, and notes
// what the header is made of. directive names the handler in errors.
func (w *lineWalk) check(directive string, request map[string]any, gates []passedOne) {
	for _, operation := range []string{"add", "set", "replace"} {
		for field, values := range inside(request, operation) {
			if !w.asked(field, gates) {
				continue
			}
			o, name := w.of(field, gates).or(w.of(values, gates)), "http.request.header."+http.CanonicalHeaderKey(field)
			if operation == "replace" {
				o = o.or(w.made[name])
				o.degree = parted(o.degree)
			}
			w.refuse(directive+" "+field, o, gates)
			w.oneSide(directive, field, values, gates)
			if len(gates) > 0 {
				w.make(name, o)
			}
		}
	}
}

// asked reports whether a header that handlers set matters: questions have it, or it is Host or
// Cookie, by which the portal may recognise a user.
func (w *lineWalk) asked(field string, gates []passedOne) bool {
	name := http.CanonicalHeaderKey(field)
	return name == "Host" || name == "Cookie" || slices.ContainsFunc(gates, func(g passedOne) bool { return g.headers.InQuestions(name) })
}

// refuse sets w.Unasked, unless it is set already, if a value with this origin must not be added
// behind the gates. what names the place of the value in the error.
func (w *lineWalk) refuse(what string, o origin, gates []passedOne) {
	if w.Unasked != nil || len(gates) == 0 || o.degree < isChosen {
		return
	}
	name := short.Replace(o.name)
	if o.degree == isSealed {
		w.Unasked = fmt.Errorf("%s gets a value that is made of %s before two_factor, where the portal's cookies are still sealed: "+
			"use {%s} behind two_factor itself, or put the `map` or `vars` behind it in a `route`, or name the cookie with `leave`", what, "{"+name+"}", name)
		return
	}
	remedy := "compute it before two_factor, with `map` or `vars`: whoami gets the same value then"
	if parameter, ok := strings.CutPrefix(o.name, query); ok {
		remedy = "declare `credential query " + parameter + "`, or " + remedy
	}
	w.Unasked = fmt.Errorf("%s gets a value that is made of {%s} behind two_factor, which whoami's request does not have, "+
		"so that whoami could name another user than the one that the portal recognises: %s", what, name, remedy)
}

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
		readings, _ := WithoutPrefixes([]string{path}, prefixes)
		return slices.ContainsFunc(paths, func(p any) bool {
			pattern := text(p)
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
// warning in w.OneSided for others.
func (w *lineWalk) oneSide(directive, field string, values any, gates []passedOne) {
	name := http.CanonicalHeaderKey(field)
	from := madeOfCredential(values, name)
	if len(gates) == 0 || w.missed == "" || from == "" || slices.Contains(forwarded, name) || strings.HasPrefix(name, "X-Forwarded-") {
		return
	}
	warning := fmt.Sprintf("%s %s gets {%s} behind two_factor only for %s, which no question to whoami matches: the portal may recognise a user by it whom whoami never names; "+
		"set it for whoami's address, too (outside of the handle or matcher), or choose an address for whoami that matches", directive, field, short.Replace(from), w.missed)
	if w.Unasked == nil && slices.Contains(credentialHeaders, name) {
		w.Unasked = errors.New(warning)
		return
	}
	w.OneSided = append(w.OneSided, warning)
}

// madeOfCredential returns the first placeholder in values of a cookie or of a header other
// than field, or "".
func madeOfCredential(values any, field string) string {
	for _, name := range Placeholders(values) {
		if strings.HasPrefix(name, "http.request.cookie.") {
			return name
		}
		if strings.HasPrefix(name, "http.request.header.") && headerOf(name) != field {
			return name
		}
	}
	return ""
}
