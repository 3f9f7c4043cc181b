package caddyplugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// fetch sends one question through the handlers behind the gate, as a request of its
// own: with a fresh Caddy context, because the route groups and dial addresses of the
// request that it is about must not mix with its own. See behind for the rest.
func fetch(ctx context.Context, next gateway.Next, base *http.Request, uri string, header http.Header) (res whoami.Response, err error) {
	srv, ok := base.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return res, errors.New("no Caddy server in the request's context")
	}
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return res, err
	}
	ctx, cancel := freshContext(ctx, base.Context())
	defer cancel()
	rec := &recorder{header: make(http.Header), stop: cancel}
	r := caddyhttp.PrepareRequest((&http.Request{
		Method: http.MethodGet, URL: u, RequestURI: uri, Host: base.Host, Header: header, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RemoteAddr: base.RemoteAddr, TLS: base.TLS,
	}).WithContext(ctx), caddy.NewReplacer(), rec, srv)
	if b, ok := next.(*behind); ok {
		b.repeat(r)
	}
	return rec.record(ctx, next, r)
}

// behind is the route behind the gate, with the variables that the handlers before the
// gate had set: `root` for php_fastcgi, `vars`, and the client's address. Questions
// find them too. They are copied when a request comes, because later ones are written
// while a question about the response runs.
type behind struct {
	caddyhttp.Handler
	// The server sets these two and the time of arrival, of which a question has its
	// own; mostly there are no others, and vars is empty.
	trusted, address any
	vars             []variable
}

type variable struct {
	name  string
	value any
}

func newBehind(next caddyhttp.Handler, vars map[string]any) *behind {
	b := &behind{Handler: next, trusted: vars[caddyhttp.TrustedProxyVarKey], address: vars[caddyhttp.ClientIPVarKey]}
	if len(vars) > 3 {
		for name, value := range vars {
			b.vars = append(b.vars, variable{name, value})
		}
	}
	return b
}

// repeat sets the variables on another request.
func (b *behind) repeat(r *http.Request) {
	caddyhttp.SetVar(r.Context(), caddyhttp.TrustedProxyVarKey, b.trusted)
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, b.address)
	for _, v := range b.vars {
		caddyhttp.SetVar(r.Context(), v.name, v.value)
	}
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

// recorder keeps a response, up to portal.MaxBody.
type recorder struct {
	header    http.Header
	sent      http.Header
	status    int
	body      bytes.Buffer
	truncated bool
	stop      context.CancelFunc
}

// record has next answer. A panic there is an answer that nobody knows.
func (rec *recorder) record(ctx context.Context, next gateway.Next, r *http.Request) (res whoami.Response, err error) {
	defer func() {
		switch p := recover(); {
		case rec.truncated: // the handler could not go on, which is an error or a panic of its own
			res, err = rec.response(), nil
		case p != nil:
			err = fmt.Errorf("the portal's answer was cut off: %v", p)
		}
	}()
	err = next.ServeHTTP(rec, r)
	res = rec.response()
	switch {
	case err != nil:
		return res, err
	case ctx.Err() != nil:
		return res, fmt.Errorf("no answer in time: %w", ctx.Err())
	case rec.status == 0:
		return res, errors.New("no handler behind the gate answered")
	}
	return res, nil
}

func (rec *recorder) response() whoami.Response {
	return whoami.Response{Status: rec.status, Header: rec.sent, Body: rec.body.Bytes(), Truncated: rec.truncated}
}

func (rec *recorder) Header() http.Header { return rec.header }

func (rec *recorder) WriteHeader(status int) {
	if rec.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		rec.status, rec.sent = status, rec.header.Clone()
	}
}

func (rec *recorder) Write(p []byte) (int, error) {
	rec.WriteHeader(http.StatusOK)
	if rec.body.Len()+len(p) > portal.MaxBody {
		rec.truncated = true
		rec.stop()
		return 0, errors.New("answer too long")
	}
	return rec.body.Write(p)
}
