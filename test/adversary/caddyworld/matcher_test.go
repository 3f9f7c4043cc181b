package caddyworld

import (
	"strings"

	"pgregory.net/rapid"
)

// place is an address of the portal with a rule of the operator about it, described by what makes
// the portal serve a request as that address.
type place struct {
	// page is what the portal calls it; path, and the value of the parameter `route` or
	// of the header X-Kind, are how it is named.
	page, path, route, kind string
	// prefix is before the path in the browser's address; the route strips it.
	prefix string
}

var places = map[string][]place{
	"trust": {{page: "hook", path: "/hooks/pay"}, {page: "hook", path: "/index.php", route: "pay/callback"}, {page: "hook", path: "/in", kind: "pay/callback"}},
	"guest": {{page: "open", path: "/open"}, {page: "open", path: "/index.php", route: "open"}, {page: "open", path: "/in", kind: "open"}},
	"deny":  {{page: "door", path: "/rpc"}, {page: "door", path: "/index.php", route: "rpc"}, {page: "door", path: "/in", kind: "rpc"}},
}

// target is the address that leads to the place.
func (p place) target() string {
	if p.route == "" {
		return p.prefix + p.path
	}
	return p.prefix + p.path + "?route=" + p.route
}

func (p place) header() []string {
	if p.kind == "" {
		return nil
	}
	return []string{"X-Kind: " + p.kind}
}

// rule is a line of one of the gate's lists, with its matcher.
type rule struct {
	list  string
	place place
	// body is the lines of the matcher; "" stands for the path alone.
	body string
}

// drawRule draws an operator's rule about a place, in one of several forms.
func drawRule(t *rapid.T) rule {
	r := rule{list: oneOf(t, "trust", "deny", "guest")}
	all := places[r.list]
	r.place = all[choose(t, len(all))]
	if r.place.route == "" && r.place.kind == "" && !often(t, 70) {
		return r
	}
	lines := []string{byPath(t, r.place)}
	switch {
	case r.place.route != "":
		lines = append(lines, byQuery(t, r.list, r.place.route))
	case r.place.kind != "":
		lines = append(lines, byHeader(t, r.list, r.place.kind))
	}
	if r.list != "deny" {
		if extra := rarely(t, 25, "remote_ip 127.0.0.0/8", "client_ip 127.0.0.0/8", "method GET POST", "host portal.test other.test", "not method PUT", "not path /admin*"); extra != "" {
			lines = append(lines, extra)
		}
	}
	r.body = strings.Join(lines, "\n")
	return r
}

func byPath(t *rapid.T, p place) string {
	glob, re, same := p.path, "^"+p.path+"$", " == '"+p.path+"'"
	if p.path == "/hooks/pay" {
		glob, re, same = "/hooks/*", "^/hooks/", ".startsWith('/hooks/')"
	}
	if !often(t, 15) {
		return oneOf(t, "path "+glob, "path_regexp "+re)
	}
	// These are refused: they can't be decided for every reading of a request.
	return oneOf(t, "expression {path}"+same, "vars {path} "+p.path, "vars_regexp {path} "+re, "expression path('"+glob+"')",
		"vars {http.request.uri.path} "+p.path, "expression {http.request.orig_uri.path}"+same)
}

func byQuery(t *rapid.T, list, value string) string {
	forms := []string{"query route=" + value}
	if often(t, 15) { // refused
		forms = []string{"expression {query.route} == '" + value + "'", "vars {query.route} " + value, "vars_regexp {query} (^|&)route=" + value + "(&|$)"}
	} else if list == "deny" { // shut all but what is known to be harmless
		forms = append(forms, "not query route=data route=login route=account route=open route=transfer")
	}
	return oneOf(t, forms...)
}

func byHeader(t *rapid.T, list, value string) string {
	forms := []string{"header X-Kind " + value}
	if often(t, 15) { // refused
		forms = []string{"header_regexp X-Kind ^" + value + "$", "expression {header.X-Kind} == '" + value + "'", "vars {header.X-Kind} " + value}
	} else if list == "deny" {
		forms = append(forms, "not header X-Kind data")
	}
	return oneOf(t, forms...)
}
