package caddyplugin

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// A proxy that keeps a visitor at one upstream chooses another one when that upstream is down.
// If this happens between a request and the question about it, the two reach upstreams that may
// have different sessions. The answer then proves nothing.

// pools are the addresses of the upstreams of each proxy that keeps a visitor at one of them.
type pools [][]string

// poolsOf returns the pools of proxies. It leaves out proxies that send a visitor's requests to
// several upstreams: either these share their sessions, or the operator was warned. It also
// leaves out dynamic upstreams and those with placeholders in their addresses.
func poolsOf(proxies []*reverseproxy.Handler) (list pools) {
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

// differ reports whether one and other are two different upstreams of the same pool.
func (p pools) differ(one, other string) bool {
	return one != "" && other != "" && one != other &&
		slices.ContainsFunc(p, func(pool []string) bool { return slices.Contains(pool, one) && slices.Contains(pool, other) })
}

// upstreamName is the placeholder in which reverse_proxy names the upstream that it chose.
const upstreamName = "http.reverse_proxy.upstream.hostport"

// upstreamOf returns the upstream that a request was last sent to, or "".
func upstreamOf(repl *caddy.Replacer) string {
	upstream, _ := repl.GetString(upstreamName)
	return upstream
}

// meets makes met compare upstreams for this request: it loads the pools, and deletes the
// upstream that a handler before the gate used.
func (b *behind) meets(known *atomic.Pointer[pools], repl *caddy.Replacer) {
	if known == nil || repl == nil {
		return
	}
	if p := known.Load(); p != nil && len(*p) > 0 {
		b.pools = *p
		repl.Delete(upstreamName) // of a forward_auth before the gate
	}
}

// met returns an error if a question was sent to another upstream of a pool than its request.
// A request that was not forwarded yet has no upstream; met then returns nil. fetch calls it.
func (b *behind) met(request *http.Request, question *caddy.Replacer) error {
	repl, ok := request.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok || b.pools == nil {
		return nil
	}
	if asked, went := upstreamOf(question), upstreamOf(repl); b.pools.differ(asked, went) {
		return fmt.Errorf("the request went to the upstream %s, and whoami was asked at %s, which may have other sessions", went, asked)
	}
	return nil
}
