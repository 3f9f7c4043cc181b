package caddyplugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// fetch sends one whoami question about base through the handlers behind the gate, as a
// request with a context of its own: route groups and dial addresses of the two must
// not mix. The question has the placeholders and variables of base; see behind.
func fetch(ctx context.Context, next gateway.Next, base *http.Request, uri string, header http.Header) (res whoami.Response, err error) {
	srv, ok := base.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok {
		return res, errors.New("no Caddy server in the request's context")
	}
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return res, err
	}
	bare := portal.IsBare(ctx)
	ctx, cancel := freshContext(ctx, base.Context())
	defer cancel()
	rec := &recorder{header: make(http.Header), stop: cancel}
	r, repl := question(ctx, base, u, header, rec, srv)
	b, ok := next.(*behind)
	if !ok {
		return rec.record(ctx, next, r)
	}
	b.repeat(r, repl)
	if bare {
		b.bare(r, repl)
	}
	repl.Set(upstreamName, "")
	if res, err = rec.record(ctx, next, r); err == nil {
		err = b.met(base, repl)
	}
	return res, err
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

// record has next answer. A panic there counts as an unknown answer.
func (rec *recorder) record(ctx context.Context, next gateway.Next, r *http.Request) (res whoami.Response, err error) {
	defer func() {
		switch p := recover(); {
		case rec.truncated: // the handler could not go on, which is an error or a panic of its own
			res, err = rec.Response(), nil
		case p != nil:
			err = fmt.Errorf("the portal's answer was cut off: %v", p)
		}
	}()
	err = next.ServeHTTP(rec, r)
	res = rec.Response()
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

// Response is what was answered until now. The command check finds questions by this method.
func (rec *recorder) Response() whoami.Response {
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
