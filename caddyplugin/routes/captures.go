package routes

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// vars notes, for the handler `vars`, the origin and place of each variable.
func (w *lineWalk) vars(h map[string]any, gates []passedOne) {
	for name, value := range h {
		if name != "handler" {
			if name == caddyhttp.ClientIPVarKey || name == caddyhttp.TrustedProxyVarKey || strings.HasPrefix(name, "two_factor.") {
				w.taken = name
			}
			p := w.placeOf(value)
			if p == isUser {
				w.UserVars = append(w.UserVars, name)
			}
			w.place("http.vars."+name, p)
			w.make("http.vars."+name, w.of(value, gates))
			if name == UserID { // a variable of this name also sets the placeholder
				w.make(UserID, w.of(value, gates))
			}
		}
	}
}

// mapping notes, for the handler `map`, the origin and place of its placeholders. An output
// made of the whole request line counts as a part of it (parted): the portal does not get the
// output by itself.
func (w *lineWalk) mapping(h map[string]any, gates []passedOne) {
	o := w.of(h["source"], gates).or(w.of(h["mappings"], gates)).or(w.of(h["defaults"], gates))
	o.degree = parted(o.degree)
	p := min(w.placeOf(h["source"]), w.placeOf(h["defaults"]))
	for _, m := range list(h["mappings"]) {
		if _, groups := inside(m)["input_regexp"]; !groups { // else ${1} in the output is a group, not a placeholder
			p = min(p, w.placeOf(m))
		}
	}
	for _, destination := range list(h["destinations"]) {
		name := strings.Trim(text(destination), "{}")
		w.place(name, p)
		w.make(name, o)
	}
}

// matchers notes, for a set of matchers, the origins of the placeholders that they set, such
// as the captures of regular expressions, and the variables that they compare.
func (w *lineWalk) matchers(set map[string]any, gates []passedOne) {
	if len(gates) == 0 {
		// Captures before the gate are in the snapshot that questions get.
		w.placeCaptures(set)
		return
	}
	for module, value := range set {
		switch module {
		case "path_regexp":
			w.capture(value, origin{isChosen, "http.request.uri.path"})
		case "url_pattern":
			w.make("http.url_pattern", origin{isChosen, "http.request.uri"})
		case "file":
			if o := w.of(value, gates); o.degree >= isChosen {
				w.make("http.matchers.file", o)
			}
		case "header_regexp":
			w.captures(value, func(field string) origin { return w.ofName("http.request.header."+field, gates) })
		case "vars":
			w.Variables = slices.AppendSeq(w.Variables, maps.Keys(inside(value)))
		case "vars_regexp":
			w.Variables = slices.AppendSeq(w.Variables, maps.Keys(inside(value)))
			w.captures(value, func(name string) origin {
				if strings.Contains(name, "{") {
					return w.of(name, gates)
				}
				return w.ofName("http.vars."+name, gates)
			})
		case "expression":
			w.expression(value)
		}
	}
}

// capture notes the origin o for the captures of one regular expression.
func (w *lineWalk) capture(value any, o origin) {
	if o.degree == isEqual {
		return
	}
	o.degree = parted(o.degree)
	w.make(captured(value), o)
	w.make(unnamed, o)
}

// unnamed is the family of {re.1}: the groups of the last regular expression that matched.
const unnamed = "http.regexp"

// captures calls capture for each regular expression of a matcher. from returns the origin of
// the text that the expression is matched against.
func (w *lineWalk) captures(value any, from func(key string) origin) {
	for key, re := range inside(value) {
		w.capture(re, from(key))
	}
}

var quoted = regexp.MustCompile("['\"`]([^'\"`]*)['\"`]")

// expression handles CEL expressions, which are not parsed. If one has a regular expression,
// each quoted text in it counts as the name of one that is matched against the path.
func (w *lineWalk) expression(value any) {
	text := fmt.Sprint(value)
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		w.Variables = append(w.Variables, m[1])
	}
	if !strings.Contains(text, "_regexp") && !strings.Contains(text, "url_pattern") {
		return
	}
	w.make("http.url_pattern", origin{isChosen, "http.request.uri"})
	w.make(unnamed, origin{isChosen, "http.request.uri"})
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		w.make(strings.TrimSuffix("http.regexp."+m[1], "."), origin{isChosen, "http.request.uri"})
	}
}
