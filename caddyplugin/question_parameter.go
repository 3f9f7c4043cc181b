package caddyplugin

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
	uri, _ := h["uri"].(string)
	path, text, asked := strings.Cut(uri, "?")
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		w.parameter("rewrite", name, value, gates)
	}
	if o := w.of(path, gates); !asked && o.degree == isChosen && declaresQuery(gates) {
		w.refuse("rewrite, where a ? in the value begins a query", o, gates)
	}
	operations, _ := h["query"].(map[string]any)
	for name, list := range operations {
		arguments, _ := list.([]any)
		for _, argument := range arguments {
			of, _ := argument.(map[string]any)
			key, _ := of["key"].(string)
			value, _ := of["val"].(string)
			if name == "rename" {
				key, value = value, "{"+query+key+"}"
			}
			replacement, _ := of["replace"].(string)
			w.parameter("uri query", key, value+replacement, gates)
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
