package caddyplugin

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/caddyplugin/upstreams"
)

// behind is the next handler behind the gate for one request, with a snapshot of the variables
// and placeholders that handlers before the gate stored for the request. Each whoami question
// about the request gets the snapshot, so that handlers behind the gate resolve the same
// values for the question as for the request. The snapshot is taken before the request is
// forwarded, because handlers behind the gate may add variables and placeholders.
type behind struct {
	caddyhttp.Handler
	mark *gateMark
	// trusted and address are the variables in which Caddy keeps whether the peer is a trusted
	// proxy, and the client's address.
	trusted, address any
	// stored has everything else that handlers before the gate stored; nil if there is nothing.
	// placed says that placeholders are among it.
	stored *stored
	placed bool
	// pools are the upstreams of the proxies behind the gate; see met.
	pools upstreams.Pools
	// user is the user's id for the access log; see setUser.
	user atomic.Pointer[string]
}

// stored is what handlers before the gate stored for a request.
type stored struct {
	vars         []variable
	placeholders placeholders
	// frozen are the placeholders that freeze set and thaw removes.
	frozen []string
	// users are the variables and placeholders by which the portal may recognise a user. bare
	// empties them.
	users []string
}

type variable struct {
	name  string
	value any
}

// serverVars is the number of variables that Caddy sets for every request: the two in behind,
// and the time of arrival, which Caddy also sets for a question.
const serverVars = 3

func newBehind(next caddyhttp.Handler, mark *gateMark, vars map[string]any, repl *caddy.Replacer) *behind {
	b := &behind{Handler: next, mark: mark, trusted: vars[caddyhttp.TrustedProxyVarKey], address: vars[caddyhttp.ClientIPVarKey]}
	b.placed = hasPlaceholders(repl)
	if b.placed || len(vars) > serverVars {
		b.stored = &stored{placeholders: snapshot(repl), vars: make([]variable, 0, len(vars))}
		for name, value := range vars {
			b.stored.vars = append(b.stored.vars, variable{name, value})
		}
	}
	return b
}

// logUser sets {http.auth.user.id} for the access log. It is called after the request was
// served. Before, FastCGI would send it to the portal as REMOTE_USER, and a portal that trusts
// REMOTE_USER would take whoami's id for a login name. If the request was not served, error
// routes still run; then the value is a loggedUser, which only the access log can read.
func (b *behind) logUser(repl *caddy.Replacer, served bool) {
	id := b.user.Load()
	if id == nil || repl == nil {
		return
	}
	if served {
		repl.Set(userID, *id)
		return
	}
	before, _ := repl.GetString(userID)
	repl.Set(userID, &loggedUser{repl: repl, before: before, id: *id})
}

// repeat sets the request's snapshot of variables and placeholders on a question.
func (b *behind) repeat(question *http.Request, repl *caddy.Replacer) {
	vars := question.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	if b.stored != nil {
		for _, v := range b.stored.vars {
			vars[v.name] = v.value
		}
		repl.Map(b.stored.placeholders.get)
	}
	vars[caddyhttp.TrustedProxyVarKey], vars[caddyhttp.ClientIPVarKey] = b.trusted, b.address
	b.mark.mark(vars)
}

// bare removes from a question the credentials that Caddy adds: the client certificate, the
// authenticated user, and variables and placeholders made of them. fetch calls it for
// questions about the cookies alone (portal.IsBare).
func (b *behind) bare(question *http.Request, repl *caddy.Replacer) {
	question.TLS = anonymous(question.TLS)
	if b.stored == nil {
		return
	}
	vars := question.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	repl.Set(userID, "") // FastCGI always sends it as REMOTE_USER
	for _, name := range b.stored.users {
		if name, ok := strings.CutPrefix(name, "http.vars."); ok {
			vars[name] = ""
			continue
		}
		repl.Set(name, "")
	}
}

// question returns the request of a whoami question about base, and its replacer. ctx must be
// one of freshContext.
func question(ctx context.Context, base *http.Request, u *url.URL, header http.Header, w http.ResponseWriter, srv *caddyhttp.Server) (*http.Request, *caddy.Replacer) {
	r := (&http.Request{
		Method: http.MethodGet, URL: u, RequestURI: u.RequestURI(), Host: base.Host, Header: header, Body: http.NoBody,
		Proto: base.Proto, ProtoMajor: base.ProtoMajor, ProtoMinor: base.ProtoMinor, RemoteAddr: base.RemoteAddr, TLS: base.TLS,
	}).WithContext(ctx)
	repl := caddy.NewReplacer()
	return caddyhttp.PrepareRequest(r, repl, w, srv), repl
}

// freshContext returns a context that has of the request's values only those of the
// connection. It ends when the context question ends.
func freshContext(question, request context.Context) (context.Context, context.CancelFunc) {
	ctx := context.Background()
	for _, key := range []any{http.ServerContextKey, http.LocalAddrContextKey} {
		if v := request.Value(key); v != nil {
			ctx = context.WithValue(ctx, key, v)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(question, cancel)
	return ctx, func() { stop(); cancel() }
}
