package caddyworld

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pgregory.net/rapid"
)

// world is a Case before it is written as text: the drawn portals and sites.
type world struct {
	portals []Portal
	sites   []gated
}

// gated is one site.
type gated struct {
	site   Site
	host   string
	port   int
	prefix string
	tls    bool

	// via and sink describe the identity that Caddy knows: how the operator turns what users show
	// (see Site.First) into a user, and where that user is written.
	via, sink string
	// shape is the order of the directives; trigger is the cause of an error, errors the error
	// route.
	shape, trigger, errors string
	// around is what a handler before the gate does with responses of a status: nothing, or it sends
	// the request to the portal once more, as it came or "rewritten".
	around  string
	extras  []string
	rules   []rule
	signIn  string
	always  bool
	recheck string
}

func drawWorld(t *rapid.T) world {
	w := world{portals: []Portal{drawPortal(t, "A")}}
	w.sites = []gated{drawSite(t, &w.portals[0])}
	if often(t, 15) && !without("sites") {
		w.addSite(t)
	}
	return w
}

func drawPortal(t *rapid.T, name string) Portal {
	return Portal{
		Name: name, Query: rarely(t, 30, "first", "comma"), Paths: rarely(t, 40, "params", "info", "lower"),
		LastHeader: often(t, 30), Anywhere: often(t, 30), Eager: often(t, 30), Switch: often(t, 10),
	}
}

// drawSite draws a site, and makes the portal what it must be for it.
func drawSite(t *rapid.T, p *Portal) gated {
	g := gated{host: "portal.test", site: Site{Realm: "shop"}}
	g.drawIdentity(t, p)
	for range choose(t, 3) {
		if r := drawRule(t); !g.has(r.list) && !without("rules") {
			g.rules = append(g.rules, r)
		}
	}
	g.shape = rarely(t, 50, "route", "handle", "handle_path", "handles")
	if g.shape == "handle_path" {
		g.prefix = "/app"
	}
	g.errors = rarely(t, 30, "reverse_proxy PORTAL", "rewrite * /error\nreverse_proxy PORTAL", "respond \"sorry {err.status_code}\"")
	if without("errors") {
		g.errors = ""
	}
	if g.errors != "" {
		g.trigger = oneOf(t, "dead", "error", "body")
		// Behind a fence the portal's error page would have to be one for strangers.
		g.rules = slices.DeleteFunc(g.rules, func(r rule) bool { return r.list == "guest" })
	}
	if !without("around") {
		g.around = rarely(t, 12, "as it came", "rewritten")
	}
	if g.around != "" { // what strangers may see is another portal's page then
		g.rules = slices.DeleteFunc(g.rules, func(r rule) bool { return r.list == "guest" })
		if g.shape != "handle_path" {
			g.shape = "route"
		}
	}
	if extra := rarely(t, 40, "encode gzip", "rewrite /short /index.php?route=data", "rewrite /p/* /index.php?route={path}", "uri strip_prefix /v1", "uri strip_prefix /v1\nuri strip_prefix /v2",
		"root * CERTS\ntry_files {path} /index.php", "header -Server", "vars colour blue"); extra != "" {
		g.extras = append(g.extras, extra)
		g.prefixRules(t, extra)
	}
	switch g.recheck = rarely(t, 20, "recheck 0", "rotates", "watch unsafe"); {
	case g.recheck == "rotates" && (g.site.First != "" || p.Basic), // what is promised must be so
		g.recheck == "watch unsafe" && (p.Anywhere || p.Switch): // and a GET that signs in must be declared
		g.recheck = ""
	}
	return g
}

// prefixRules has rules that open name the addresses as browsers send them, with the prefixes that
// the route strips. One that shuts would leave the address without the prefix open.
func (g *gated) prefixRules(t *rapid.T, extra string) {
	if !strings.HasPrefix(extra, "uri strip_prefix") || !often(t, 60) {
		return
	}
	prefix := "/v1"
	if strings.Contains(extra, "/v2") {
		prefix += "/v2"
	}
	for i := range g.rules {
		r := &g.rules[i]
		if r.list == "deny" {
			continue
		}
		r.body = strings.ReplaceAll(strings.ReplaceAll(r.body, "path "+r.place.path, "path "+prefix+r.place.path), "path /hooks/", "path "+prefix+"/hooks/")
		r.place.prefix = prefix
	}
}

func (g *gated) has(list string) bool {
	for _, r := range g.rules {
		if r.list == list {
			return true
		}
	}
	return false
}

// drawIdentity draws the source of the user's identity.
func (g *gated) drawIdentity(t *rapid.T, p *Portal) {
	switch n := choose(t, 10); {
	case n >= 5 && n <= 8 && !without("identity"):
		g.site.First = oneOf(t, "basic", "cert", "key", "query", "account")
		g.via = rarely(t, 60, "map", "vars", "regexp", "plain")
		g.sink = oneOf(t, "header_up", "request_header", "user")
		if without("asked") {
			g.sink = "user"
		}
		if g.site.First == "query" && g.sink != "user" && often(t, 50) {
			g.signIn = "credential query key"
		}
		g.tls = g.site.First == "cert"
		g.always = g.sink == "user" || often(t, 10)
	case n == 9 && !without("token"):
		g.site.First = "token"
		g.signIn = g.needed()
	case n == 4:
		g.signIn, p.Basic = "credential header Authorization", true
	case n == 3:
		g.signIn = "sign_in /login {\nusername user\npassword password\n}"
	}
	g.tls = g.tls || often(t, 10)
}

// needed is what must be declared of the portal.
func (g *gated) needed() string {
	if g.site.First == "token" {
		return "sign_in /graphql {\ntoken json data.login.token\n}\ncredential header Authorization"
	}
	return ""
}

// addSite adds a second site: another portal or another door to the same one.
func (w *world) addSite(t *rapid.T) {
	first := &w.sites[0]
	second := *first
	if second.prefix != "" || first.site.First == "token" {
		return
	}
	switch choose(t, 3) {
	case 0:
		second.port = 1
	case 1:
		second.host = "other.test"
	case 2:
		first.prefix, second.prefix = "/one", "/two"
		first.shape, second.shape = "handle_path", "handle_path"
		first.errors, first.trigger, second.errors, second.trigger = "", "", "", ""
	}
	if often(t, 60) {
		other := w.portals[0]
		other.Name = "B"
		w.portals = append(w.portals, other)
		second.site.Portal, second.site.Realm = 1, "other"
	}
	if often(t, 40) {
		first.site.Realm, second.site.Realm = "", ""
		second.site.Twin = second.site.Portal == 1
	}
	w.sites = append(w.sites, second)
}

// render writes the world as a Case without steps.
func (w world) render() Case {
	c := Case{Portals: slices.Clone(w.portals)}
	var out strings.Builder
	for i := range w.sites {
		g := &w.sites[i]
		scheme := "http"
		if g.tls {
			scheme = "https"
		}
		address := fmt.Sprintf("%s://%s:PORT%d", scheme, g.host, g.port)
		site := g.site
		site.URL = address + g.prefix
		c.Sites = append(c.Sites, site)
		w.fit(&c.Portals[site.Portal], site.Portal)
		if i > 0 && g.host == w.sites[0].host && g.port == w.sites[0].port {
			continue // its block is in the first's
		}
		out.WriteString(address + " {\nbind 127.0.0.1\n" + g.tlsLines() + g.named(i) + g.block())
		if len(w.sites) > 1 && w.sites[1].prefix != "" {
			out.WriteString(w.sites[1].block())
		}
		out.WriteString(g.errorLines() + "}\n")
	}
	c.Caddyfile = indent(out.String())
	return c
}

// fit changes a portal so that the declarations of its sites are true.
func (w world) fit(p *Portal, portal int) {
	p.Door, p.Header, p.Tokens, p.Closed = "", "", false, false
	for i, g := range w.sites {
		if g.site.Portal != portal {
			continue
		}
		p.Tokens = g.site.First == "token"
		if g.source() != "" {
			p.Header = "X-Remote-User"
		}
		p.Closed = p.Closed || g.sink == "user"
		door := g.door()
		if i > 0 && w.sites[0].site.Portal == portal && door != w.sites[0].door() {
			door = "" // another site would leave it open
		}
		p.Door = door
	}
}

// door is the side door that the site shuts.
func (g *gated) door() string {
	for _, r := range g.rules {
		if r.list == "deny" {
			return r.place.path
		}
	}
	return ""
}

func (g *gated) tlsLines() string {
	switch {
	case g.site.First == "cert":
		return "tls CERTS/server.pem CERTS/server.key {\nclient_auth {\nmode verify_if_given\ntrust_pool file CERTS/ca.pem\n}\n}\n"
	case g.tls:
		return "tls CERTS/server.pem CERTS/server.key\n"
	}
	return ""
}

func (g *gated) portal() string { return "PORTAL" + strconv.Itoa(g.site.Portal) }

// indent lays the lines out by their braces.
func indent(text string) string {
	var out strings.Builder
	depth := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "}" {
			depth--
		}
		if line != "" {
			out.WriteString(strings.Repeat("\t", depth) + line + "\n")
		}
		if strings.HasSuffix(line, "{") {
			depth++
		}
	}
	return out.String()
}
