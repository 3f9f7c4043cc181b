package routes

import (
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/portal/route"
)

// A question has the declared query parameters of its request, and no session id in the URL.
// If a rewrite behind a gate sets such a parameter to a value made of other parts of the
// request, the portal gets a credential that no question has.

// parameters refuses such rewrites.
func (w *lineWalk) parameters(h map[string]any, gates []passedOne) {
	path, added, asked := strings.Cut(text(h["uri"]), "?")
	for pair := range strings.SplitSeq(added, "&") {
		name, value, _ := strings.Cut(pair, "=")
		w.parameter("rewrite", name, value, gates)
	}
	if o := w.of(path, gates); !asked && o.degree == isChosen && declaresQuery(gates) {
		w.refuse("rewrite, where a ? in the value begins a query", o, gates)
	}
	for name, operations := range inside(h, "query") {
		for _, o := range as[[]struct{ Key, Val, Replace string }](operations) {
			if name == "rename" {
				o.Key, o.Val = o.Val, "{"+query+o.Key+"}"
			}
			w.parameter("uri query", o.Key, o.Val+o.Replace, gates)
		}
	}
}

func (w *lineWalk) parameter(directive, name, value string, gates []passedOne) {
	chosen := w.of(name, gates)
	if chosen.degree == isChosen && declaresQuery(gates) {
		w.refuse(directive+" "+shortened(name), chosen, gates)
	}
	if !isCredential(name, gates) {
		return
	}
	o := w.of(value, gates)
	o.degree = parted(o.degree)
	w.refuse(directive+" "+name, o, gates)
}

func declaresQuery(gates []passedOne) bool {
	return slices.ContainsFunc(gates, func(g passedOne) bool { return len(g.queries) > 0 })
}

// isCredential reports whether a query parameter is declared as a credential or is the usual
// name of a session id. The name "*" means all parameters.
func isCredential(name string, gates []passedOne) bool {
	for _, g := range gates {
		if name == "*" || slices.ContainsFunc(g.queries, func(declared string) bool { return route.ReadAs(name, declared) }) {
			return true
		}
	}
	return route.StripSessionIDs(&url.URL{Path: "/", RawQuery: name + "=x"}, nil)
}
