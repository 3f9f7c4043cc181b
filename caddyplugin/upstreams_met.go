package caddyplugin

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// A proxy that keeps a visitor at one upstream goes to another one when that upstream is
// down. If this happens between a request and the question about it, the question meets
// sessions that the request did not meet: its answer proves nothing.

// pools are the upstreams of each proxy that promises to keep a visitor at one of them, as
// network and address.
type pools [][]string

// poolsOf returns the pools of proxies. Proxies that spread visitors are left out: their
// upstreams have the same sessions, or the operator was warned. So are upstreams with
// placeholders in their addresses, and dynamic ones.
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

// differ reports whether these are two upstreams of one pool.
func (p pools) differ(one, other string) bool {
	return one != "" && other != "" && one != other &&
		slices.ContainsFunc(p, func(pool []string) bool { return slices.Contains(pool, one) && slices.Contains(pool, other) })
}

// upstreamName is the placeholder in which reverse_proxy names the upstream that it chose.
const upstreamName = "http.reverse_proxy.upstream.hostport"

// upstreamOf is the upstream that a request last met, "" for none.
func upstreamOf(repl *caddy.Replacer) string {
	upstream, _ := repl.GetString(upstreamName)
	return upstream
}

// meets has the request compare the upstreams of its questions with its own.
func (b *behind) meets(known *atomic.Pointer[pools], repl *caddy.Replacer) {
	if known == nil || repl == nil {
		return
	}
	if p := known.Load(); p != nil {
		b.pools = *p
		repl.Delete(upstreamName) // of a forward_auth before the gate
	}
}

// met returns an error if a question met another upstream than the request that it is
// about. Before the request is forwarded, it has met none.
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
