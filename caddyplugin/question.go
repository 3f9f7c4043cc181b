package caddyplugin

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// behind is the route behind the gate, with a snapshot of what the handlers before the
// gate stored for this request: variables and placeholders. Every whoami question gets
// the snapshot, so that the handlers behind the gate resolve the same values for the
// question as for the request. The snapshot is taken before the request is forwarded,
// because handlers behind the gate add to both.
type behind struct {
	caddyhttp.Handler
	mark *gateMark
	// trusted and address are the server's variables of these names.
	trusted, address any
	// stored is everything else that handlers before the gate stored; nil for nothing.
	stored *stored
	// pools are those of the proxies behind the gate.
	pools pools
	// user is the user's id for the access log; see setUser.
	user atomic.Pointer[string]
}

// stored is what handlers before the gate stored for a request.
type stored struct {
	vars         []variable
	placeholders placeholders
	// frozen are placeholders with the values that freeze computed.
	frozen []string
	// users are the variables and placeholders that the portal may know a user by.
	users []string
}

type variable struct {
	name  string
	value any
}

// serverVars is the number of variables that the server sets for every request: the two
// in behind, and the time of arrival, of which a question has its own.
const serverVars = 3

func newBehind(next caddyhttp.Handler, mark *gateMark, vars map[string]any, repl *caddy.Replacer) *behind {
	b := &behind{Handler: next, mark: mark, trusted: vars[caddyhttp.TrustedProxyVarKey], address: vars[caddyhttp.ClientIPVarKey]}
	if len(vars) > serverVars || hasPlaceholders(repl) {
		b.stored = &stored{placeholders: snapshot(repl), vars: make([]variable, 0, len(vars))}
		for name, value := range vars {
			b.stored.vars = append(b.stored.vars, variable{name, value})
		}
	}
	return b
}

// behindVar is the variable in which a request has its *behind.
const behindVar = "two_factor.behind"

// enter leaves marks on the request: that it came through this gate, and where setUser
// finds b.
func (b *behind) enter(vars map[string]any) {
	if vars != nil {
		b.mark.mark(vars)
		vars[behindVar] = b
	}
}

// logUser names the user for the access log when the request is over, and not before:
// {http.auth.user.id} is REMOTE_USER in FastCGI, where a portal that trusts it would
// take whoami's id for a login name. Error routes, which still run after a request that
// was not served, don't get it either.
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

// repeat gives a question what the handlers before the gate stored for the request.
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

// bare takes from a question what the server adds to it as a credential.
func (b *behind) bare(question *http.Request, repl *caddy.Replacer) {
	question.TLS = anonymous(question.TLS)
	if b.stored == nil {
		return
	}
	vars := question.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	repl.Set(userID, "") // FastCGI has it as REMOTE_USER without being told
	for _, name := range b.stored.users {
		if name, ok := strings.CutPrefix(name, "http.vars."); ok {
			vars[name] = ""
			continue
		}
		repl.Set(name, "")
	}
}

// question makes the request of a whoami question about base, and returns it with its
// replacer. Its context is a fresh one; see freshContext.
func question(ctx context.Context, base *http.Request, u *url.URL, header http.Header, w http.ResponseWriter, srv *caddyhttp.Server) (*http.Request, *caddy.Replacer) {
	r := (&http.Request{
		Method: http.MethodGet, URL: u, RequestURI: u.RequestURI(), Host: base.Host, Header: header, Body: http.NoBody,
		Proto: base.Proto, ProtoMajor: base.ProtoMajor, ProtoMinor: base.ProtoMinor, RemoteAddr: base.RemoteAddr, TLS: base.TLS,
	}).WithContext(ctx)
	repl := caddy.NewReplacer()
	return caddyhttp.PrepareRequest(r, repl, w, srv), repl
}

// freshContext has nothing of the request's but the connection that it came on, and
// ends with the question.
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
