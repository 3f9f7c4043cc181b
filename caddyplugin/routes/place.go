package routes

import (
	"slices"
	"strings"
)

// place tells what the value of a placeholder that is set before a gate may be made of. If a
// value is made of several things, the lowest place counts.
type place int

const (
	// isUser: the value may identify a user. It is made of something not listed below.
	isUser place = iota
	// isPlace: the value is made of the path, the method or the client's address only.
	// Questions without credentials have the same value.
	isPlace
	// isFixed: the value is constant or made of the site's own address. It is no credential.
	isFixed
)

// placeNames are the prefixes of Caddy's own placeholders of each place.
var placeNames = map[place][]string{
	isPlace: {"http.request.uri.path", "http.request.orig_uri.path", "http.request.method", "http.request.orig_method",
		"http.request.remote", "http.vars.client_ip"},
	isFixed: {"http.request.host", "http.request.port", "http.request.scheme", "http.request.proto", "http.request.local", "env.", "system.", "time."},
}

// place notes the place of a placeholder.
func (w *lineWalk) place(name string, p place) {
	if before, known := w.places[name]; known {
		p = min(p, before)
	}
	w.places[name] = p
}

// placeOf returns the lowest place of the placeholders in a JSON value.
func (w *lineWalk) placeOf(value any) place {
	p := isFixed
	for _, name := range Placeholders(value) {
		p = min(p, w.placeNamed(name))
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

// placeCaptures notes the places of matchers' captures. Captures of path_regexp are isPlace;
// those of other regular expressions are isUser, also if a path_regexp has the same name.
func (w *lineWalk) placeCaptures(set map[string]any) {
	for module, value := range set {
		switch module {
		case "path_regexp":
			w.place(captured(value), isPlace)
		case "header_regexp", "vars_regexp":
			for _, re := range inside(value) {
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

// captured returns the family of the captures of a regular expression.
func captured(re any) string {
	return strings.TrimSuffix("http.regexp."+text(inside(re)["name"]), ".")
}
