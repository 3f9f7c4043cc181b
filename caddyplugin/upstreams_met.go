package caddyplugin

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/caddyplugin/upstreams"
)

// A proxy that keeps a visitor at one upstream chooses another one when that upstream is down.
// If this happens between a request and the question about it, the two reach upstreams that may
// have different sessions. The answer then proves nothing.

// upstreamName is the placeholder in which reverse_proxy names the upstream that it chose.
const upstreamName = "http.reverse_proxy.upstream.hostport"

// upstreamOf returns the upstream that a request was last sent to, or "".
func upstreamOf(repl *caddy.Replacer) string {
	upstream, _ := repl.GetString(upstreamName)
	return upstream
}

// meets makes met compare upstreams for this request: it loads the pools, and deletes the
// upstream that a handler before the gate used.
func (b *behind) meets(known *atomic.Pointer[upstreams.Pools], repl *caddy.Replacer) {
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
	if asked, went := upstreamOf(question), upstreamOf(repl); b.pools.Differ(asked, went) {
		return fmt.Errorf("the request went to the upstream %s, and whoami was asked at %s, which may have other sessions", went, asked)
	}
	return nil
}
