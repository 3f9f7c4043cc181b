package routes

import (
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/portal"
)

// The portal may recognise a user by a value that handlers behind a gate add to the request.
// A question differs from its request in the request line, the body, and headers about these.
// If handlers behind a gate add a value made of those parts, the portal is asked about another
// user than the one it recognises in the request. Facts.walk finds such configurations, and they
// are refused when they are loaded. Values made before the gate are allowed: questions get the
// same values (see behind).

// degree tells how the value of a text for a request may differ from that for a question about
// it. A higher degree includes the lower ones.
type degree int

const (
	// isEqual: the value is the same for a question and its request.
	isEqual degree = iota
	// isWhole: the value is the whole method, path or URI, which the portal gets anyway.
	isWhole
	// isChosen: the value is a part of the request line or body, such as {query.user}, or is
	// computed from it by a mapping.
	isChosen
	// isSealed: the value is made of a cookie before the gate, where it is still sealed.
	isSealed
)

// origin is a degree, and the placeholder that causes it.
type origin struct {
	degree degree
	name   string
}

func (o origin) or(other origin) origin {
	if other.degree > o.degree {
		return other
	}
	return o
}

// parted raises isWhole to isChosen, for values that are only derived from the whole.
func parted(d degree) degree {
	if d == isWhole {
		return isChosen
	}
	return d
}

// make notes the origin of a placeholder, unless its value is equal for questions.
func (w *lineWalk) make(name string, o origin) {
	if o.degree > isEqual {
		w.made[name] = w.made[name].or(o)
	}
}

// of returns the highest origin of the placeholders in a JSON value.
func (w *lineWalk) of(value any, gates []passedOne) (o origin) {
	for _, name := range Placeholders(value) {
		o = o.or(w.ofName(name, gates))
	}
	return o
}

// ofName returns the origin of a placeholder. Before a gate only cookies matter: they are
// still sealed there.
func (w *lineWalk) ofName(name string, gates []passedOne) origin {
	name, _, _ = strings.Cut(name, ":") // cuts off a default value
	if strings.HasPrefix(name, "http.request.header.") {
		name = "http.request.header." + headerOf(name)
	}
	if o, known := w.made[name]; known {
		return w.unlessLeft(o, gates)
	}
	if o, known := w.made[family(name)]; known {
		return w.unlessLeft(o, gates)
	}
	if len(gates) == 0 {
		if strings.HasPrefix(name, "http.request.cookie.") || strings.EqualFold(name, "http.request.header.Cookie") {
			return origin{isSealed, name}
		}
		return origin{}
	}
	return origin{ofLine(name, gates), name}
}

// unlessLeft returns o, or an equal origin if o is a cookie that no gate seals (`leave`).
func (w *lineWalk) unlessLeft(o origin, gates []passedOne) origin {
	cookie, ok := strings.CutPrefix(o.name, "http.request.cookie.")
	if o.degree != isSealed || !ok || len(gates) == 0 {
		return o
	}
	if slices.ContainsFunc(gates, func(g passedOne) bool { return g.leave.Class(cookie) == portal.Sealed }) {
		return o
	}
	return origin{}
}

// family returns the name under which the walk notes all placeholders of one regular
// expression, URL pattern, file matcher or response. Other placeholders are their own family.
func family(name string) string {
	if rest, ok := strings.CutPrefix(name, "http.regexp."); ok {
		re, _, named := strings.Cut(rest, ".")
		if !named {
			return unnamed
		}
		return "http.regexp." + re
	}
	for _, family := range []string{"http.url_pattern", "http.matchers.file", "http.reverse_proxy.header"} {
		if strings.HasPrefix(name, family+".") {
			return family
		}
	}
	return name
}

// ofLine returns, for a placeholder of Caddy's that is resolved behind gates, how it depends
// on the request's line, body and headers.
func ofLine(name string, gates []passedOne) degree {
	in := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
	undeclared := func(g passedOne) bool {
		return !slices.ContainsFunc(g.queries, func(q string) bool { return query+q == name })
	}
	uncopied := func(g passedOne) bool { return !g.headers.InQuestions(headerOf(name)) }
	switch {
	case in(query):
		if slices.ContainsFunc(gates, undeclared) {
			return isChosen
		}
	case in("http.request.uri.path."), in("http.request.orig_uri.path."), in("http.request.orig_uri.query."), in("http.request.body"):
		return isChosen
	case in("http.request.uri"), in("http.request.orig_"), name == "http.request.method":
		return isWhole
	case in("http.request.header."):
		if headerOf(name) != "Cookie" && headerOf(name) != "Host" && slices.ContainsFunc(gates, uncopied) {
			return isChosen
		}
	}
	return isEqual
}

func headerOf(placeholder string) string {
	return http.CanonicalHeaderKey(strings.TrimPrefix(placeholder, "http.request.header."))
}

const query = "http.request.uri.query."

// short replaces the long form of placeholders by the short form of Caddyfiles.
var short = strings.NewReplacer("http.request.uri.query.", "query.", "http.request.uri.path.", "path.", "http.request.header.", "header.",
	"http.request.cookie.", "cookie.", "http.regexp.", "re.", "http.vars.", "vars.", "http.request.orig_uri.", "http.request.orig_uri.")
