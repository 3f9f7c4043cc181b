// Package upstreams finds out, from the provisioned routes of a server, which portals the proxies
// behind a gate forward to, and whether whoami questions reach them. Package caddyplugin logs its
// warnings when the server has started.
package upstreams

import (
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/secondgate/secondgate/caddyplugin/routes"
	"github.com/secondgate/secondgate/internal/onboard/check"
)

// Warnings returns the warnings about the proxies that the questions of a gate reach or miss.
func Warnings(srv *caddyhttp.Server, gate routes.Gate) (warnings []string) {
	settings, err := gate.Resolved()
	if err != nil {
		return nil
	}
	whole := walkQuestion(srv, gate, settings, "")
	var uris []string
	var walks []*questionWalk
	for _, q := range settings.Whoami {
		w := walkQuestion(srv, gate, settings, q.URI)
		uris, walks = append(uris, q.URI), append(walks, w)
		if len(whole.reached) > 0 { // else there is no portal behind it
			warnings = append(warnings, slices.Compact(w.warnings)...)
		}
	}
	for _, to := range unasked(whole.reached, walks) {
		warnings = append(warnings, unaskedWarning(to, uris))
	}
	if warning := whole.sharedByHost(); warning != "" {
		warnings = append(warnings, warning)
	}
	return warnings
}

// Spreads returns the proxies behind the gates of a server that may send requests of one visitor
// to several upstreams. The command check shows them.
func Spreads(srv *caddyhttp.Server) (all []check.Spread) {
	for _, p := range routes.Provisioned(srv).Proxies {
		if warning := SpreadWarning(p); warning != "" {
			saw, do, _ := strings.Cut(warning, "; use ")
			_, _, known := policy(p.LoadBalancing.SelectionPolicy)
			all = append(all, check.Spread{Saw: saw, Do: "use " + do, Unknown: !known})
		}
	}
	return all
}

// SpreadWarning returns a warning if the proxy may send requests of one visitor to several upstreams,
// or "".
func SpreadWarning(p *reverseproxy.Handler) string {
	if len(p.Upstreams) < 2 && p.DynamicUpstreams == nil {
		return ""
	}
	name, keeps, known := policy(p.LoadBalancing.SelectionPolicy)
	if keeps && !marksDown(p) {
		return ""
	}
	proxy := fmt.Sprintf("reverse_proxy to %d upstreams", len(p.Upstreams))
	if len(p.Upstreams) > 0 {
		proxy += " (" + p.Upstreams[0].Dial + " …)"
	}
	if p.DynamicUpstreams != nil {
		proxy = "reverse_proxy to dynamic upstreams"
	}
	const remedy = "; use lb_policy client_ip_hash or cookie, or first if the others only stand in, unless all upstreams have the same sessions at every moment"
	switch {
	case keeps:
		return proxy + ": passive health checks (fail_duration, unhealthy_request_count) don't keep a visitor at one upstream: any client's requests may have it marked as down, " +
			"so whoami may be asked at another one than the request went to; use active health checks (health_uri) instead, unless all upstreams have the same sessions at every moment"
	case name == "header":
		return proxy + ": lb_policy header does not keep a visitor at one upstream who leaves the header out, so whoami may be asked at another one than the request goes to" + remedy
	case !known:
		return proxy + ": whether lb_policy " + name + " keeps a visitor at one upstream is unknown; if it does not, whoami is asked at another one than the request goes to" + remedy
	}
	return proxy + ": lb_policy " + name + " does not keep a visitor at one upstream, so whoami may be asked at another one than the request goes to" + remedy
}

// policy returns the name of a selection policy. keeps is true if the policy sends a visitor's
// requests, and the questions about them, to one upstream while that is up. known is false for
// policies that this function does not know.
func policy(s reverseproxy.Selector) (name string, keeps, known bool) {
	if module, ok := s.(caddy.Module); ok {
		name = module.CaddyModule().ID.Name()
	}
	switch name {
	case "cookie", "ip_hash", "client_ip_hash", "first":
		return name, true, true
	case "header": // random for requests without that header; every request has a Host
		hash, ok := s.(*reverseproxy.HeaderHashSelection)
		return name, ok && hash.Field == "Host", true
	case "random", "random_choose", "least_conn", "round_robin", "weighted_round_robin", "uri_hash", "query":
		return name, false, true
	}
	return name, false, false
}

// marksDown reports whether requests of clients can make the proxy mark an upstream as down
// (passive health checks).
func marksDown(p *reverseproxy.Handler) bool {
	if p.HealthChecks == nil || p.HealthChecks.Passive == nil {
		return false
	}
	return p.HealthChecks.Passive.FailDuration > 0 || p.HealthChecks.Passive.UnhealthyRequestCount > 0
}

// Pools are the addresses of the upstreams of each proxy that keeps a visitor at one of them.
type Pools [][]string

// PoolsOf returns the pools of proxies. It leaves out proxies that send a visitor's requests to
// several upstreams: either these share their sessions, or the operator was warned. It also
// leaves out dynamic upstreams and those with placeholders in their addresses.
func PoolsOf(proxies []*reverseproxy.Handler) (list Pools) {
	for _, p := range proxies {
		name, keeps, _ := policy(p.LoadBalancing.SelectionPolicy)
		if !keeps && name != "header" {
			continue
		}
		var pool []string
		for _, u := range p.Upstreams {
			if address, err := caddy.ParseNetworkAddress(u.Dial); err == nil {
				pool = append(pool, address.JoinHostPort(0))
			}
		}
		if len(pool) > 1 {
			list = append(list, pool)
		}
	}
	return list
}

// Differ reports whether one and other are two different upstreams of the same pool.
func (p Pools) Differ(one, other string) bool {
	return one != "" && other != "" && one != other &&
		slices.ContainsFunc(p, func(pool []string) bool { return slices.Contains(pool, one) && slices.Contains(pool, other) })
}
