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

// The portal may recognise a user by a value that handlers behind a gate add to the request.
// A question differs from its request in the request line, the body, and headers about these.
// If handlers behind a gate add a value made of those parts, the portal is asked about another
// user than the one it recognises in the request. walkLine finds such configurations, and they
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

// passedOne is a gate that a request has passed, with the settings of it that matter for
// handlers behind it.
type passedOne struct {
	queries []string
	headers *portal.Headers
	leave   *portal.CookiePolicy
	// sees are the directives of the gate that compare paths: deny, sign_in and sign_out.
	// paths are the paths of its sign-ins and sign-outs.
	sees  []string
	paths []string
	// opens are the directives of the gate that let requests pass: trust and guest.
	opens []string
	// byQuery and byMethod are true if deny, trust or guest compare the query or the method.
	byQuery, byMethod bool
	// asks are the URIs of the whoami questions.
	asks []string
}

// lineWalk visits the handlers in the configuration of a server in the order in which a
// request reaches them. usedBehind copies its results into used, where the fields of the same
// name are described.
type lineWalk struct {
	named map[string]*caddyhttp.Route
	// made are placeholders that depend on parts of the request that questions don't have.
	made map[string]origin
	// places tell what placeholders that are set before gates are made of.
	places map[string]place
	// userVars are variables with values that may name a user.
	userVars []string
	// variables are names of variables that matchers behind gates compare.
	variables []string
	// prefixes are the path prefixes that handlers behind gates remove.
	prefixes []string
	// unseen are rewrites behind gates.
	unseen []string
	// opened are the prefixes after the removal of which a proxy may get the request.
	opened []string
	// taken is a variable reserved for Caddy or the gate that a handler visited so far sets.
	// stolen is the value of taken when a gate was reached.
	taken, stolen string
	// missed is, while routes are visited that no question matches, the matcher that excludes
	// questions.
	missed string
	// moved is true if a handler behind gates changes paths otherwise than by removing a prefix.
	// Then it is not known which matchers a question matches.
	moved bool
	// oneSided are warnings about headers that are set only where missed is not "".
	oneSided []string
	// shares is the number of handlers visited on the way that let caches share responses.
	// shared is true if a gate was reached while shares was above 0.
	shares int
	shared bool
	// intercepts is true if an intercept with a proxy was visited before a gate, around if a
	// gate was reached after that.
	intercepts, around bool
	// errorRoutes is true if a gate is in a subroute that has its own error routes.
	errorRoutes bool
	// err is the first error that refuse found.
	err error
	// depth counts nested named routes, which may invoke themselves.
	depth int
}

// lineRoute is a [caddyhttp.Route] before it is provisioned.
type lineRoute struct {
	Group    string           `json:"group"`
	Match    []map[string]any `json:"match"`
	Handle   []map[string]any `json:"handle"`
	Terminal bool             `json:"terminal"`
}

// walkLine visits all routes of a server. The field err of the result is set if handlers
// behind a gate add a value that questions don't have. Caddy drops the configuration of routes
// that are provisioned already, so the walk sees only the current route and later ones.
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

// decoded converts routes, given in any form that marshals to JSON, into lineRoutes. It
// returns nil if that fails; Caddy refuses to provision such routes, too.
func decoded(routes any) (list []lineRoute) {
	raw, err := json.Marshal(routes)
	if err != nil || json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

// asMap returns the configuration of a handler as decoded JSON.
func asMap(h any) (m map[string]any) {
	raw, err := json.Marshal(h)
	if err != nil || json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// routes visits a list of routes. gates are the gates that a request may have passed before
// it; routes returns those that it may have passed after it. A request takes only one route of
// each group, and none after a terminal route.
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
			w.opened = w.opened[:opened] // Caddy answers here itself, so no proxy gets the request
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

// gateOf reads a gate's configuration. It returns nothing for a gate with `user`, which asks no
// questions.
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
		w.make("http.reverse_proxy.header", o) // its response headers depend on the rewritten URI, as for forward_auth
	}
	return w.responses(h, gates)
}

// rootOfSite is the default root of FastCGI and file handlers.
const rootOfSite = "{http.vars.root}"

// chosen checks the text of a destination: the address of an upstream, or the root of FastCGI.
// A destination that depends on the path is not refused: upstreamsCheck warns if whoami's path
// leads to another one.
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

// responses visits the routes in handle_response.
func (w *lineWalk) responses(h map[string]any, gates []passedOne) []passedOne {
	responses, _ := h["handle_response"].([]any)
	for _, response := range responses {
		if r, ok := response.(map[string]any); ok {
			gates = w.routes(decoded(r["routes"]), gates)
		}
	}
	return gates
}

// check calls refuse for each request header that a handler sets, adds or replaces, and notes
// what the header is made of. directive names the handler in errors.
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

// asked reports whether a header that handlers set matters: questions have it, or it is Host or
// Cookie, by which the portal may recognise a user.
func (w *lineWalk) asked(field string, gates []passedOne) bool {
	name := http.CanonicalHeaderKey(field)
	return name == "Host" || name == "Cookie" || slices.ContainsFunc(gates, func(g passedOne) bool { return g.headers.InQuestions(name) })
}

// refuse sets w.err, unless it is set already, if a value with this origin must not be added
// behind the gates. what names the place of the value in the error.
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
		"so that whoami could name another user than the one that the portal recognises: %s", what, name, remedy)
}

const query = "http.request.uri.query."

// short replaces the long form of placeholders by the short form of Caddyfiles.
var short = strings.NewReplacer("http.request.uri.query.", "query.", "http.request.uri.path.", "path.", "http.request.header.", "header.",
	"http.request.cookie.", "cookie.", "http.regexp.", "re.", "http.vars.", "vars.", "http.request.orig_uri.", "http.request.orig_uri.")

// vars notes, for the handler `vars`, the origin and place of each variable.
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
			if name == userID { // a variable of this name also sets the placeholder
				w.make(userID, w.of(value, gates))
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
	p := min(w.placeOf(h["source"]), w.placeOf(h["mappings"]), w.placeOf(h["defaults"]))
	destinations, _ := h["destinations"].([]any)
	for _, destination := range destinations {
		name, _ := destination.(string)
		w.place(strings.Trim(name, "{}"), p)
		w.make(strings.Trim(name, "{}"), o)
	}
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

// capture notes the origin o for the captures of one regular expression.
func (w *lineWalk) capture(value any, o origin) {
	if o.degree == isEqual {
		return
	}
	o.degree = parted(o.degree)
	re, _ := value.(map[string]any)
	w.make(captured(re), o)
	w.make(unnamed, o)
}

// unnamed is the family of {re.1}: the groups of the last regular expression that matched.
const unnamed = "http.regexp"

// captures calls capture for each regular expression of a matcher. from returns the origin of
// the text that the expression is matched against.
func (w *lineWalk) captures(value any, from func(key string) origin) {
	byKey, _ := value.(map[string]any)
	for key, re := range byKey {
		w.capture(re, from(key))
	}
}

var quoted = regexp.MustCompile("['\"`]([^'\"`]*)['\"`]")

// expression handles CEL expressions, which are not parsed. If one has a regular expression,
// each quoted text in it counts as the name of one that is matched against the path.
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

// of returns the highest origin of the placeholders in a text, or in all texts of a JSON value.
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
