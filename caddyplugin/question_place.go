package caddyplugin

import (
	"slices"
	"strings"
)

// place says what a placeholder that handlers before a gate make is made of, as far as
// the configuration tells. The lower one wins.
type place int

const (
	// isUser may name a user: it is made of anything else.
	isUser place = iota
	// isPlace is made of the path, the method or the client's address: with the same of
	// these, questions that leave out credentials have it, too.
	isPlace
	// isFixed is made of the site's own address or of nothing: it is no credential.
	isFixed
)

var placeNames = map[place][]string{
	isPlace: {"http.request.uri.path", "http.request.orig_uri.path", "http.request.method", "http.request.orig_method",
		"http.request.remote", "http.vars.client_ip"},
	isFixed: {"http.request.host", "http.request.port", "http.request.scheme", "http.request.proto", "http.request.local", "env.", "system.", "time."},
}

// place notes what a placeholder is made of.
func (w *lineWalk) place(name string, p place) {
	if before, known := w.places[name]; known {
		p = min(p, before)
	}
	w.places[name] = p
}

// placeOf is what a text, or anything with texts in it, is made of.
func (w *lineWalk) placeOf(value any) place {
	p := isFixed
	switch v := value.(type) {
	case string:
		for _, m := range mentioned.FindAllStringSubmatch(v, -1) {
			p = min(p, w.placeNamed(m[1]))
		}
	case []any:
		for _, e := range v {
			p = min(p, w.placeOf(e))
		}
	case map[string]any:
		if _, ok := v["input_regexp"]; ok {
			return p // its outputs have groups, and no placeholders
		}
		for _, e := range v {
			p = min(p, w.placeOf(e))
		}
	}
	return p
}

func (w *lineWalk) placeNamed(name string) place {
	name, _, _ = strings.Cut(name, ":")
	for p, prefixes := range placeNames {
		if slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			return p
		}
	}
	return w.places[family(name)]
}

// placeCaptures notes what the captures of matchers are made of. Those of other regular
// expressions than path_regexp may name a user, even if one of these has the same name.
func (w *lineWalk) placeCaptures(set map[string]any) {
	for module, value := range set {
		of, _ := value.(map[string]any)
		switch module {
		case "path_regexp":
			w.place(captured(of), isPlace)
		case "header_regexp", "vars_regexp":
			for _, re := range of {
				re, _ := re.(map[string]any)
				w.place(captured(re), isUser)
				w.place(unnamed, isUser)
			}
		case "expression":
			for name := range w.places {
				if strings.HasPrefix(name, "http.regexp") {
					w.places[name] = isUser
				}
			}
		}
	}
}

// captured is the placeholder of the captures of a regular expression.
func captured(re map[string]any) string {
	name, _ := re["name"].(string)
	return strings.TrimSuffix("http.regexp."+name, ".")
}
