package caddyplugin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal"
)

// The portal may know a user by what handlers behind a gate add to the request. A
// question has everything of the request but its line, its body and the headers that
// describe these, so nothing that handlers behind a gate add may be made of those: the
// portal would be asked about another user than the one that it sees. Such a
// configuration is refused when it is loaded. What handlers before the gate made of them
// is no problem: questions get these values (see behind).

// degree says how a text depends on what questions don't have.
type degree int

const (
	// isEqual texts are the same for a question and its request.
	isEqual degree = iota
	// isWhole texts describe the request line as the portal sees it anyway: {uri}, {method}.
	isWhole
	// isChosen texts are a part of it, as {query.user}, or were made of it by a mapping.
	isChosen
	// isSealed texts are made of a cookie, which is sealed until the request is forwarded.
	isSealed
)

// origin is a degree, and the placeholder that it comes from.
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

// passedOne is what a gate declares that handlers behind it may use.
type passedOne struct {
	queries []string
	headers *portal.Headers
	leave   *portal.CookiePolicy
	// sees are the directives of the gate that look at addresses; paths are those of its
	// sign-ins and sign-outs.
	sees  []string
	paths []string
	// opens are the directives that let requests pass by their address.
	opens []string
	// byQuery and byMethod say that these directives look at the query and at the method.
	byQuery, byMethod bool
	// asks are the addresses of whoami.
	asks []string
}

// lineWalk goes through the configuration of routes in the order in which a request does.
type lineWalk struct {
	named map[string]*caddyhttp.Route
	// made are placeholders that handlers made of what questions don't have.
	made map[string]origin
	// places are what handlers before gates make placeholders of, where it is not a user.
	places map[string]place
	// userVars are the variables that handlers make of what may name a user.
	userVars []string
	// variables are names that matchers behind gates look at.
	variables []string
	// prefixes are what handlers behind gates take off the beginning of paths.
	prefixes []string
	// unseen are rewrites behind gates that make addresses which `deny`, `sign_in` and
	// `sign_out` do not see.
	unseen []string
	// opened are the prefixes that handlers behind gates take off before a proxy.
	opened []string
	// taken is a variable of the server's or of the gate's own that a handler on the way
	// sets; stolen is the one that a handler before a gate sets.
	taken, stolen string
	// missed are the matchers that no question passes, on the way to a handler behind gates.
	missed string
	// moved says that a handler behind gates changes paths in other ways than by prefixes.
	moved bool
	// oneSided are headers that handlers behind gates set where no question comes by.
	oneSided []string
	// shares counts handlers on the way to a gate that make responses shareable; shared says
	// that a gate stands behind one.
	shares int
	shared bool
	// intercepts says that an intercept with a proxy was seen, around that a gate may stand
	// behind it.
	intercepts, around bool
	// errorRoutes says that a gate stands in a subroute that has error routes of its own.
	errorRoutes bool
	err         error
	depth       int
}

// lineRoute is a [caddyhttp.Route].
type lineRoute struct {
	Group    string           `json:"group"`
	Match    []map[string]any `json:"match"`
	Handle   []map[string]any `json:"handle"`
	Terminal bool             `json:"terminal"`
}

// walkLine goes through the routes of a server. Its error says that handlers behind a gate
// add to a request what its question can't have. Caddy drops the configuration of routes
// that are provisioned: a gate sees what is provisioned with it, and later.
func walkLine(srv *caddyhttp.Server) *lineWalk {
	w := &lineWalk{named: srv.NamedRoutes, made: make(map[string]origin), places: make(map[string]place)}
	if sharesAtServer(srv) {
		w.shares++
	}
	w.routes(decoded(srv.Routes), nil)
	for _, route := range srv.NamedRoutes {
		w.routes(decoded([]*caddyhttp.Route{route}), nil)
	}
	return w
}

// decoded turns routes, in whichever form, into lineRoutes. What can't be decoded is not
// what Caddy provisions either.
func decoded(routes any) (list []lineRoute) {
	raw, err := json.Marshal(routes)
	if err != nil || json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

// asMap is the configuration of a handler.
func asMap(h any) (m map[string]any) {
	raw, err := json.Marshal(h)
	if err != nil || json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// routes walks a list, and returns the gates that a request may have passed at its end.
// Of the routes of a group a request takes one, and after a terminal route none.
func (w *lineWalk) routes(list []lineRoute, gates []passedOne) []passedOne {
	all := gates
	after := make(map[string][]passedOne) // by group
	for _, r := range list {
		before := gates
		for group, passed := range after {
			if group != r.Group || group == "" {
				before = append(before[:len(before):len(before)], passed...)
			}
		}
		for _, set := range r.Match {
			w.matchers(set, before)
		}
		shares, taken, missed, moved, opened := w.shares, w.taken, w.missed, w.moved, len(w.opened)
		if w.missed == "" && !w.moved {
			w.missed = missedBy(r.Match, before, w.prefixes)
		}
		passed := w.handlers(r.Handle, before)
		w.missed = missed
		if r.Terminal || r.Group != "" || forSomePaths(r) {
			w.shares = shares
		}
		if r.Terminal || r.Group != "" {
			w.taken, w.moved = taken, moved
		}
		if answersItself([]lineRoute{{Handle: r.Handle}}) {
			w.opened = w.opened[:opened] // files and texts of Caddy's, not the portal's
		}
		if more := passed[len(before):]; len(more) > 0 && !r.Terminal {
			after[r.Group] = append(after[r.Group], more...)
			all = append(all[:len(all):len(all)], more...)
		}
	}
	return all
}

func (w *lineWalk) handlers(list []map[string]any, gates []passedOne) []passedOne {
	for _, h := range list {
		switch h["handler"] {
		case "two_factor":
			w.shared, w.around = w.shared || w.shares > 0, w.around || w.intercepts
			w.stolen = cmp.Or(w.stolen, w.taken)
			gates = append(gates[:len(gates):len(gates)], gateOf(h)...)
		case "subroute":
			w.errorRoutes = w.errorRoutes || hasErrorRoutes(h)
			gates = w.routes(decoded(h["routes"]), gates)
		case "invoke":
			gates = w.invoke(h, gates)
		case "vars":
			w.vars(h, gates)
		case "map":
			w.mapping(h, gates)
		case "rewrite":
			w.rewrite(h, gates)
		case "headers":
			request, _ := h["request"].(map[string]any)
			w.check("request_header", request, gates)
			if len(gates) == 0 && shares(h) {
				w.shares++
			}
		case "reverse_proxy":
			gates = w.proxy(h, gates)
		case "intercept":
			if raw, err := json.Marshal(h); len(gates) == 0 && (err != nil || strings.Contains(string(raw), `"handler":"reverse_proxy"`)) {
				w.intercepts = true
			}
			gates = w.responses(h, gates)
		}
	}
	return gates
}

// hasErrorRoutes reports whether a subroute has error routes, and a gate.
func hasErrorRoutes(h map[string]any) bool {
	if h["errors"] == nil {
		return false
	}
	raw, err := json.Marshal(h["routes"])
	return err != nil || strings.Contains(string(raw), `"handler":"two_factor"`)
}

// gateOf reads a gate's configuration; a gate that asks no questions is none.
func gateOf(h map[string]any) []passedOne {
	raw, err := json.Marshal(h)
	var site config.Site
	if err != nil || json.Unmarshal(raw, &site) != nil {
		return nil
	}
	if site, err = site.Resolved(); err != nil || site.User != "" {
		return nil
	}
	headers, queries := site.Credentials()
	g := passedOne{queries: queries, headers: portal.NewHeaders(headers), leave: portal.NewCookiePolicy(site.Leave)}
	g.looks(site)
	for _, q := range site.Whoami {
		g.asks = append(g.asks, q.URI)
	}
	return []passedOne{g}
}

func (w *lineWalk) invoke(h map[string]any, gates []passedOne) []passedOne {
	name, _ := h["name"].(string)
	route := w.named[name]
	if route == nil || w.depth > 3 {
		return gates
	}
	w.depth++
	defer func() { w.depth-- }()
	return w.routes(decoded([]*caddyhttp.Route{route}), gates)
}

func (w *lineWalk) proxy(h map[string]any, gates []passedOne) []passedOne {
	headers, _ := h["headers"].(map[string]any)
	request, _ := headers["request"].(map[string]any)
	w.check("header_up", request, gates)
	w.chosen("the upstream of reverse_proxy", h["upstreams"], gates)
	w.chosen("the upstream of reverse_proxy", h["dynamic_upstreams"], gates)
	transport, _ := h["transport"].(map[string]any)
	w.refuse("reverse_proxy: transport", w.of(transport, gates), gates)
	if transport["protocol"] == "fastcgi" {
		w.refuse("REMOTE_USER", w.ofName(userID, gates), gates)
		if root, _ := transport["root"].(string); root == "" {
			w.chosen("the root of php_fastcgi", rootOfSite, gates)
		}
	}
	if own, ok := h["rewrite"].(map[string]any); ok {
		w.rewrite(own, gates)
	}
	if o := w.of(h["rewrite"], gates); o.degree >= isChosen {
		w.make("http.reverse_proxy.header", o) // as of forward_auth: what it is answered goes by that
	}
	return w.responses(h, gates)
}

// rootOfSite is where FastCGI and files have their root unless they name one.
const rootOfSite = "{http.vars.root}"

// chosen looks at what a destination is made of: the address of an upstream, or the root of
// FastCGI. It may be chosen by the path: whoami has one, too, and warnOfUnasked tells where
// it leads elsewhere.
func (w *lineWalk) chosen(what string, value any, gates []passedOne) {
	switch v := value.(type) {
	case string:
		for _, m := range mentioned.FindAllStringSubmatch(v, -1) {
			o := w.ofName(m[1], gates)
			if o.degree = parted(o.degree); !strings.HasPrefix(o.name, "http.request.uri.path") && !strings.HasPrefix(o.name, "http.request.orig_uri.path") {
				w.refuse(what, o, gates)
			}
		}
	case []any:
		for _, e := range v {
			w.chosen(what, e, gates)
		}
	case map[string]any:
		for _, e := range v {
			w.chosen(what, e, gates)
		}
	}
}

// responses goes through the routes of responses.
func (w *lineWalk) responses(h map[string]any, gates []passedOne) []passedOne {
	responses, _ := h["handle_response"].([]any)
	for _, response := range responses {
		if r, ok := response.(map[string]any); ok {
			gates = w.routes(decoded(r["routes"]), gates)
		}
	}
	return gates
}

// check looks at what is done to the headers of a request: set, add and replace, each by
// field.
func (w *lineWalk) check(directive string, request map[string]any, gates []passedOne) {
	for _, operation := range []string{"add", "set", "replace"} {
		fields, _ := request[operation].(map[string]any)
		for field, values := range fields {
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

// asked reports whether questions have the header, or the portal reads it without.
func (w *lineWalk) asked(field string, gates []passedOne) bool {
	name := http.CanonicalHeaderKey(field)
	return name == "Host" || name == "Cookie" || slices.ContainsFunc(gates, func(g passedOne) bool { return g.headers.InQuestions(name) })
}

// refuse notes the first error.
func (w *lineWalk) refuse(what string, o origin, gates []passedOne) {
	if w.err != nil || len(gates) == 0 || o.degree < isChosen {
		return
	}
	name := short.Replace(o.name)
	if o.degree == isSealed {
		w.err = fmt.Errorf("%s gets a value that is made of %s before two_factor, where the portal's cookies are still sealed: "+
			"use {%s} behind two_factor itself, or put the `map` or `vars` behind it in a `route`, or name the cookie with `leave`", what, "{"+name+"}", name)
		return
	}
	remedy := "compute it before two_factor, with `map` or `vars`: whoami gets the same value then"
	if parameter, ok := strings.CutPrefix(o.name, query); ok {
		remedy = "declare `credential query " + parameter + "`, or " + remedy
	}
	w.err = fmt.Errorf("%s gets a value that is made of {%s} behind two_factor, which whoami's request does not have, "+
		"so that the portal would be asked about another user than it sees: %s", what, name, remedy)
}

const query = "http.request.uri.query."

// short writes placeholders as Caddyfiles do.
var short = strings.NewReplacer("http.request.uri.query.", "query.", "http.request.uri.path.", "path.", "http.request.header.", "header.",
	"http.request.cookie.", "cookie.", "http.regexp.", "re.", "http.vars.", "vars.", "http.request.orig_uri.", "http.request.orig_uri.")

// vars notes variables that are made of what questions don't have.
func (w *lineWalk) vars(h map[string]any, gates []passedOne) {
	for name, value := range h {
		if name != "handler" {
			if name == caddyhttp.ClientIPVarKey || name == caddyhttp.TrustedProxyVarKey || strings.HasPrefix(name, "two_factor.") {
				w.taken = name
			}
			p := w.placeOf(value)
			if p == isUser {
				w.userVars = append(w.userVars, name)
			}
			w.place("http.vars."+name, p)
			w.make("http.vars."+name, w.of(value, gates))
			if name == userID { // Caddy has this one in both places
				w.make(userID, w.of(value, gates))
			}
		}
	}
}

// mapping notes the placeholders of a `map`. What it makes of a whole request line is
// not what the portal sees.
func (w *lineWalk) mapping(h map[string]any, gates []passedOne) {
	o := w.of(h["source"], gates).or(w.of(h["mappings"], gates)).or(w.of(h["defaults"], gates))
	o.degree = parted(o.degree)
	p := min(w.placeOf(h["source"]), w.placeOf(h["mappings"]), w.placeOf(h["defaults"]))
	destinations, _ := h["destinations"].([]any)
	for _, destination := range destinations {
		name, _ := destination.(string)
		w.place(strings.Trim(name, "{}"), p)
		w.make(strings.Trim(name, "{}"), o)
	}
}

func parted(d degree) degree {
	if d == isWhole {
		return isChosen
	}
	return d
}

func (w *lineWalk) make(name string, o origin) {
	if o.degree > isEqual {
		w.made[name] = w.made[name].or(o)
	}
}

// matchers notes the captures of regular expressions.
func (w *lineWalk) matchers(set map[string]any, gates []passedOne) {
	if len(gates) == 0 {
		// The request has these captures before it is asked about.
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
			byName, _ := value.(map[string]any)
			w.variables = slices.AppendSeq(w.variables, maps.Keys(byName))
		case "vars_regexp":
			byName, _ := value.(map[string]any)
			w.variables = slices.AppendSeq(w.variables, maps.Keys(byName))
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

func (w *lineWalk) capture(value any, o origin) {
	if o.degree == isEqual {
		return
	}
	o.degree = parted(o.degree)
	re, _ := value.(map[string]any)
	w.make(captured(re), o)
	w.make(unnamed, o)
}

// unnamed is the family of {re.1}, which is the group of whichever expression was last.
const unnamed = "http.regexp"

func (w *lineWalk) captures(value any, from func(key string) origin) {
	byKey, _ := value.(map[string]any)
	for key, re := range byKey {
		w.capture(re, from(key))
	}
}

var quoted = regexp.MustCompile("['\"`]([^'\"`]*)['\"`]")

// expression takes every text in an expression with regular expressions for the name of
// one: which of them look at the path can't be told.
func (w *lineWalk) expression(value any) {
	text := fmt.Sprint(value)
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		w.variables = append(w.variables, m[1])
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

// of is what a text, or anything with texts in it, depends on.
func (w *lineWalk) of(value any, gates []passedOne) (o origin) {
	switch v := value.(type) {
	case string:
		for _, m := range mentioned.FindAllStringSubmatch(v, -1) {
			o = o.or(w.ofName(m[1], gates))
		}
	case []any:
		for _, e := range v {
			o = o.or(w.of(e, gates))
		}
	case map[string]any:
		for key, e := range v {
			o = o.or(w.of(key, gates)).or(w.of(e, gates))
		}
	}
	return o
}

// ofName is what a placeholder depends on. Before a gate the request has everything but
// its opened cookies.
func (w *lineWalk) ofName(name string, gates []passedOne) origin {
	name, _, _ = strings.Cut(name, ":") // a default
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

// unlessLeft is equal for what is made of a cookie that every gate leaves as it is.
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

// family is the placeholder's regular expression, URL pattern, file or response.
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

// ofLine is how a placeholder of the request depends on its line and body, behind gates.
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
