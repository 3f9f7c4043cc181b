// Package gateway carries a request through the house: it opens the cookies, asks
// whose they are, lets package gate decide, and carries the verdict out, before the
// portal is reached and again before a byte of the portal's answer is released.
//
// Its one invariant: nothing of a response to somebody who owes a second factor is
// written to the client. Until a response has been judged it exists only here.
//
// It is plain net/http and knows nothing of Caddy; see Options for what it needs.
package gateway

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/meter"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/web"
)

// Next is whatever stands behind the gate; Caddy's handlers are.
type Next interface {
	ServeHTTP(w http.ResponseWriter, r *http.Request) error
}

// Rule is one of the site's lists of paths, applied to all readings of a request's
// path (see route.Variants).
type Rule interface {
	// Any reports whether the rule holds for some reading: the careful answer for what
	// shuts. All reports whether it holds for each: the careful one for what opens.
	Any(r *http.Request, readings []string) bool
	All(r *http.Request, readings []string) bool
}

// Rules are the site's lists. A nil one matches nothing.
type Rules struct {
	Deny, Trust, Guest, Public, SignIn, SignOut Rule
	// Fields are sign_in's field names: a query that has one makes a sign-in.
	Fields []string
	// Forms are the pages that show a sign-in form. SignInPage is the first of them, where
	// a stranger is sent when `guest` shuts a page; may be empty.
	Forms      []string
	SignInPage string
}

// Options are what a gateway needs. All of it is required unless said otherwise.
type Options struct {
	Realm, Path string
	Rules       Rules

	Sealer  *portal.Sealer
	Leave   *portal.Leave
	Headers *portal.Headers
	// Queries are declared credentials in the query.
	Queries []string
	// Bearer is how the portal knows tokens; see there.
	Bearer Bearer
	// Asker asks whoami. Identify, instead of it, reads who another authenticator found.
	Asker    *portal.Asker
	Identify func(r *http.Request) (id string)
	// Fetch sends a whoami question through next, as part of base's route.
	Fetch func(ctx context.Context, next Next, base *http.Request, uri string, header http.Header) (whoami.Response, error)
	// SetUser tells the rest of the server who the user is.
	SetUser func(r *http.Request, id string)

	// Insertions are what is put into the portal's pages; nil for nothing.
	Insertions *Insertions

	// Rotates, WatchUnsafe and Required are `rotates`, `watch unsafe`, `require always`.
	Rotates, WatchUnsafe, Required bool
	Recheck                        time.Duration
	Session                        session.Policy

	// Observe is `mode observe`: everything is forwarded, and judged in shadow only.
	Observe bool
	// Book counts what is seen, Meter how much and how fast; both may be nil.
	Book  *report.Book
	Meter *meter.Realm

	// Note takes security events that belong to no transaction, and must not block; nil
	// forgets them.
	Note func(store.Event)

	Store  store.Store
	Visits *Visits
	Pages  *web.Pages
	State  *web.State
	Logger *zap.Logger
	Clock  func() time.Time
}

// Gateway is one site's gate. It is safe for concurrent use.
type Gateway struct {
	Options
	// number tells gateways apart in what outlives a configuration: a pointer there would
	// keep the whole of a replaced one in memory.
	number  uint64
	names   *portal.RealmNames
	dropped dropped
	trusted trusted
	missed  tally
	spools  chan struct{}
	// observer is nil in `mode enforce`.
	observer *observer
}

// maxSpools bounds the request bodies of strangers that are kept at one time; those
// of smallBody bytes at most, as sign-in forms are, don't count.
const (
	maxSpools = 256
	smallBody = 64 << 10
)

// made counts gateways.
var made atomic.Uint64

// New returns a gateway.
func New(o Options) *Gateway {
	g := &Gateway{Options: o, number: made.Add(1), names: portal.NewRealmNames(o.Realm), spools: make(chan struct{}, maxSpools)}
	if o.Observe {
		g.observer = newObserver(g)
	}
	return g
}

// Stop ends what runs beside the requests: in `mode observe` the questions. A gateway
// that was stopped goes on carrying requests.
func (g *Gateway) Stop() {
	if g.observer != nil {
		g.observer.stop()
	}
}

// Client is what the server knows of a request's sender.
type Client struct {
	// Address is the client's address, as the server's trusted_proxies tell.
	Address string
	// Secure says that the browser speaks HTTPS, to us or to a trusted proxy.
	Secure bool
	// URL is what the browser asked for, before any rewrite.
	URL *url.URL
}

// ServeHTTP takes one request through the house. An error is next's, unchanged, or
// one that the server may show as 500; nothing was written then.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request, c Client, next Next) error {
	if g.observer != nil {
		return g.observer.serve(w, r, c, next)
	}
	x := exchanges.Get().(*exchange)
	x.g, x.r, x.client, x.next, x.now, x.names, x.site = g, r, c, next, g.Clock(), g.names.For(c.Secure), r.Host
	x.rw = &responseWriter{x: x, rw: w}
	defer x.close()
	err := x.serve()
	x.timeRefusal()
	x.finished = true
	return err
}

// exchanges spares the garbage collector an exchange for each request.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}
