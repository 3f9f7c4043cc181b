package upstreams

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	maphandler "github.com/caddyserver/caddy/v2/modules/caddyhttp/map"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy/fastcgi"

	"github.com/secondgate/secondgate/caddyplugin/routes"
)

// The address of an upstream may serve several portals: virtual hosts, applications of one PHP
// server, or parts of a path. A destination has all settings of a proxy that choose between
// them.

// destination describes the portal that a proxy forwards to, when it is reached in one way.
type destination struct {
	// text has the addresses, the Host header, FastCGI's root and the proxy's own rewrite. Two
	// destinations with the same text are the same portal.
	text string
	// hosts are the hosts of the innermost host matcher behind the gate.
	hosts []string
	// byHost is the placeholder of the request's host, or made of it, in the upstream's address
	// or root; "" for none.
	byHost string
	// narrow is true if a matcher behind the gate restricts the path or the method.
	narrow bool
}

// where returns the texts of a proxy that choose the portal: addresses and root. show is the
// same for messages.
func where(p *reverseproxy.Handler) (texts []string, show string) {
	to := strings.Join(dialsOf(p), " ")
	if p.DynamicUpstreams != nil {
		raw, _ := json.Marshal(p.DynamicUpstreams)
		to = fmt.Sprintf("dynamic upstreams (%s)", strings.TrimSuffix(strings.TrimPrefix(string(raw), "{"), "}"))
		if module, ok := p.DynamicUpstreams.(caddy.Module); ok {
			to = module.CaddyModule().ID.Name() + " " + to
		}
	}
	texts, show = append(texts, to), to
	if t, ok := p.Transport.(*fastcgi.Transport); ok {
		texts, show = append(texts, t.Root), show+" with root "+t.Root
	}
	return texts, show
}

// hostName is the placeholder of the request's host.
const hostName = "http.request.host"

// hostFor returns the Host header that a proxy sends; by default, the request's host.
func hostFor(p *reverseproxy.Handler) string {
	if p.Headers != nil && p.Headers.Request != nil {
		for field, values := range p.Headers.Request.Set {
			if strings.EqualFold(field, "Host") && len(values) > 0 && values[0] != "{http.request.hostport}" {
				return values[0]
			}
		}
	}
	return "{" + hostName + "}"
}

// destinations returns the destinations of a proxy that the walk has reached, one for each
// combination of the possible values of its placeholders.
func (w *questionWalk) destinations(p *reverseproxy.Handler) (list []destination) {
	texts, show := where(p)
	show = w.ofQuestion(show)
	if host := w.ofQuestion(hostFor(p)); host != "{"+hostName+"}" || w.values[hostName] != nil {
		show += " with Host " + host
	}
	if p.Rewrite != nil {
		raw, _ := json.Marshal(p.Rewrite)
		show += " with rewrite " + strings.TrimSuffix(strings.TrimPrefix(string(raw), "{"), "}")
	}
	by := w.ofHost(strings.Join(texts, " "))
	for _, text := range w.resolve(show) {
		list = append(list, destination{text: text, hosts: w.hosts, byHost: by, narrow: w.narrow})
	}
	return list
}

// ofQuestion marks the placeholders of the path in the text of a question's destination.
// Requests have other paths, so their destination is another one than the question's; the mark
// makes the texts differ.
func (w *questionWalk) ofQuestion(text string) string {
	if w.any {
		return text
	}
	return routes.Mentioned.ReplaceAllStringFunc(text, func(s string) string {
		name := s[1 : len(s)-1]
		captured := slices.ContainsFunc(w.captures, func(c string) bool { return strings.HasPrefix(name, c) })
		if captured || strings.HasPrefix(name, "http.request.uri") || strings.HasPrefix(name, "http.request.orig_uri") {
			return "whoami's " + name
		}
		return s
	})
}

// ofHost returns the first placeholder in the text that is the request's host or made of it,
// or "".
func (w *questionWalk) ofHost(text string) string {
	for _, name := range routes.Placeholders(text) {
		if isHost(name) || w.byHost[name] {
			return "{" + shortHost.Replace(name) + "}"
		}
	}
	return ""
}

var shortHost = strings.NewReplacer("http.request.", "", "http.vars.", "vars.")

func isHost(name string) bool {
	return strings.HasPrefix(name, hostName) || strings.EqualFold(name, "http.request.header.Host")
}

// maxAlternatives is the maximum number of texts that resolve returns.
const maxAlternatives = 50

// resolve replaces the placeholders that handlers behind the gate set by their possible values,
// and returns a text for each combination.
func (w *questionWalk) resolve(text string) []string {
	list := []string{text}
	for _, name := range routes.Placeholders(text) {
		values, known := w.values[name]
		if !known {
			continue
		}
		var next []string
		for _, before := range list {
			for _, value := range values {
				next = append(next, strings.ReplaceAll(before, "{"+name+"}", value))
			}
		}
		list = next[:min(len(next), maxAlternatives)]
	}
	return list
}

// sets notes the values that a handler gives to placeholders and to the Host header.
func (w *questionWalk) sets(handler caddyhttp.MiddlewareHandler) {
	switch h := handler.(type) {
	case *caddyhttp.VarsMiddleware:
		for name, value := range *h {
			w.set("http.vars."+name, []string{caddy.ToString(value)}, len(w.under) > 0)
		}
	case *maphandler.Handler:
		for i, name := range h.Destinations {
			w.set(name, w.outputs(h, i), w.ofHost(h.Source) != "")
		}
	case *headers.Handler:
		if h.Request != nil && len(h.Request.Set["Host"]) > 0 {
			w.set(hostName, h.Request.Set["Host"][:1], false)
		}
	}
}

// set notes the possible values of a placeholder from here on, and whether they depend on the
// request's host. Values from before the gate are not noted, because a question has the same
// ones as its request.
func (w *questionWalk) set(name string, values []string, byHost bool) {
	w.byHost[name] = w.byHost[name] || byHost || name != hostName && slices.ContainsFunc(values, func(v string) bool { return w.ofHost(v) != "" })
	if !w.behind {
		return
	}
	var list []string
	for _, value := range values {
		list = append(list, w.resolve(w.ofQuestion(value))...)
	}
	w.values[name] = list
}

// outputs returns the possible values of the destination with index i of a `map`. If the source
// is the path, the value for a question is known, because its path is known.
func (w *questionWalk) outputs(h *maphandler.Handler, i int) (list []string) {
	source, known := "", false
	if !w.any && w.question != nil && h.Source == "{http.request.uri.path}" {
		source, known = w.question.URL.Path, true
	}
	for _, m := range h.Mappings {
		if i >= len(m.Outputs) || m.Outputs[i] == nil {
			continue
		}
		output, match := caddy.ToString(m.Outputs[i]), m.Input == source
		if re, err := regexp.Compile(m.InputRegexp); m.InputRegexp != "" && err == nil {
			found := re.FindStringSubmatchIndex(source)
			if match = found != nil; match && known {
				output = string(re.ExpandString(nil, output, source, found))
			}
		}
		if known && match {
			return []string{output}
		}
		if !known {
			list = append(list, output)
		}
	}
	if i < len(h.Defaults) {
		list = append(list, h.Defaults[i])
	}
	return list
}

// either returns the possible values of placeholders behind a route that a request may or may
// not take: those from before and those that the route set.
func either(before, after map[string][]string) map[string][]string {
	all := maps.Clone(before)
	for name, values := range after {
		old, known := before[name]
		if !known {
			old = []string{"{" + name + "}"}
		}
		all[name] = slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(old), values...))))
	}
	return all
}

// dialsOf returns the addresses of a proxy's upstreams, sorted.
func dialsOf(p *reverseproxy.Handler) (dials []string) {
	for _, u := range p.Upstreams {
		dials = append(dials, u.Dial)
	}
	slices.Sort(dials)
	return dials
}

// sharedByHost returns a warning if routes behind a gate choose the portal by the host, or "".
// All portals behind a gate share its realm, but each host may have different users.
func (w *questionWalk) sharedByHost() string {
	if len(w.own) == 1 && !strings.Contains(w.own[0], "*") && net.ParseIP(w.own[0]) == nil {
		return "" // the site has one host
	}
	by := ""
	for i, d := range w.reached {
		if d.byHost != "" {
			by = "by the host in its address, root or variable (" + d.byHost + ")"
		}
		for _, other := range w.reached[:i] {
			if d.text != other.text && hostsApart(d, other) {
				by = "for " + hostsNamed(other) + " and for " + hostsNamed(d)
			}
		}
	}
	if by == "" {
		return ""
	}
	return fmt.Sprintf("routes behind two_factor choose the reverse_proxy %s, and all of them share the realm %q: unless they have the same users, "+
		"user 4711 of one is user 4711 of the other, with the same second factor; give each a site block of its own, with its own realm", by, w.settings.Realm)
}

// hostsApart reports whether two destinations are for different hosts: they have no host in
// common, and one without hosts is not restricted to some paths.
func hostsApart(one, other destination) bool {
	common := slices.ContainsFunc(one.hosts, func(host string) bool { return slices.Contains(other.hosts, host) })
	whole := func(d destination) bool { return len(d.hosts) > 0 || !d.narrow }
	return len(one.hosts)+len(other.hosts) > 0 && !common && whole(one) && whole(other)
}

func hostsNamed(d destination) string {
	if len(d.hosts) == 0 {
		return "all other hosts"
	}
	return strings.Join(d.hosts, ", ")
}
