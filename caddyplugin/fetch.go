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

// fetch sends one whoami question about the request base through the handlers behind the gate,
// and returns the portal's response. The gateway calls it (gateway.Options.Fetch). The question
// has its own context, because Caddy keeps route groups and dial addresses in a request's
// context. It has the placeholders and variables of base; see behind.
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

// recorder is the response writer of a question. It keeps up to portal.MaxBody bytes of the
// response; a longer one is truncated and the question cancelled (stop).
type recorder struct {
	header    http.Header
	sent      http.Header
	status    int
	body      bytes.Buffer
	truncated bool
	stop      context.CancelFunc
}

// record sends r to next and returns the recorded response. A panic of a handler is returned
// as an error, so that the answer is unknown.
func (rec *recorder) record(ctx context.Context, next gateway.Next, r *http.Request) (res whoami.Response, err error) {
	defer func() {
		switch p := recover(); {
		case rec.truncated: // Write failed; handlers then return an error or panic, which is expected
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

// Response returns what was recorded so far. The command check recognises questions by this
// method; see questionWriter in package cli.
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
