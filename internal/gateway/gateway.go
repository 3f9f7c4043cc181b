// Package gateway forwards requests to the portal and releases its responses. For each request it
// opens the cookies, asks the portal which user they belong to, and has package gate decide. A
// second decision is made before the first byte of the response is released.
//
// Nothing of a response to a user who owes a second factor is written to the client. The steps of
// one request are in [exchange.serve]. Package request holds the facts about a request, package
// visits the state of its browser, package response the response in flight. Package observe
// implements `mode observe`.
//
// It is plain net/http and knows nothing of Caddy; see Options for what it needs.
package gateway

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gateway/event"
	"github.com/secondgate/secondgate/internal/gateway/observe"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/response"
	"github.com/secondgate/secondgate/internal/gateway/users"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/meter"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages"
)

// Names of other packages that users of this one need.
type (
	// Rule is one of the site's lists of matchers; see [request.Rule].
	Rule = request.Rule
	// Rules are the site's lists; see [request.Rules].
	Rules = request.Rules
	// Client is what the server knows of a request's sender; see [request.Client].
	Client = request.Client
	// Bearer says how the portal recognises users by a token; see [request.Bearer].
	Bearer = request.Bearer
	// TokenSignIn is an address that answers with a token; see [request.TokenSignIn].
	TokenSignIn = request.TokenSignIn
	// Visits is the memory of the visits of one store; see [visits.Table].
	Visits = visits.Table
)

// NewVisits returns an empty memory of the visits of one store.
func NewVisits(st store.Store, clock func() time.Time) *Visits { return visits.New(st, clock) }

// Next is the handler behind the gate; Caddy's handlers are.
type Next interface {
	ServeHTTP(w http.ResponseWriter, r *http.Request) error
}

// DefaultSettle is how long after a request that may have changed who is signed in the
// portal may still commit that (design rule G3).
const DefaultSettle = 2 * time.Second

// Options are the settings and dependencies of a gateway. All are required unless a field says
// otherwise.
type Options struct {
	Realm, Path string
	Rules       Rules

	Sealer       *portal.Sealer
	CookiePolicy *portal.CookiePolicy
	Headers      *portal.Headers
	// Queries are declared credentials in the query.
	Queries []string
	// Bearer is where requests and responses carry tokens of the portal.
	Bearer Bearer
	// Asker asks whoami. Under the setting `user`, Identify is set in its place: it returns the id
	// of the user whom an authentication handler before the gate identified; empty for none.
	Asker    *portal.Asker
	Identify func(r *http.Request) (id string)
	// Fetch sends a whoami question through next, as part of base's route.
	Fetch func(ctx context.Context, next Next, base *http.Request, uri string, header http.Header) (whoami.Response, error)
	// SetUser stores the user's id with the request, for the access log, before next gets it.
	SetUser func(next Next, id string)
	// Bare removes all credentials from a request that is over, unless the portal answered a user
	// who may pass: a handler before the gate may send the request to the portal again. Nil
	// leaves the request unchanged. BareAll makes no exception for users who may pass; it is set
	// if a handler before the gate is known to do that.
	Bare    func(r *http.Request)
	BareAll bool

	// Insertions are what is put into the portal's pages; nil for nothing.
	Insertions *Insertions

	// Rotates, WatchUnsafe and Required are `rotates`, `watch unsafe`, `require always`.
	Rotates, WatchUnsafe, Required bool
	Recheck                        time.Duration
	// Settle is `settle`; zero means DefaultSettle, a negative one none.
	Settle  time.Duration
	Session session.Policy

	// Observe is `mode observe`: all requests are forwarded, and decisions are only counted.
	Observe bool
	// Book counts for the report, Meter for the metrics; both may be nil.
	Book  *report.Book
	Meter *meter.Realm

	// Note receives security events that belong to no transaction. It must not block. If it is nil,
	// they are dropped.
	Note func(store.Event)

	Store  store.Store
	Visits *Visits
	Pages  *userpages.Pages
	State  *userpages.State
	Logger *zap.Logger
	Clock  func() time.Time
	// Timing is when portions of kept responses are due; zero means response.DefaultTiming.
	Timing response.Timing
}

// Gateway is one site's gate. It is safe for concurrent use.
type Gateway struct {
	Options
	// number identifies the gateway in data that outlives a configuration. A pointer there would
	// keep all of a replaced configuration in memory.
	number uint64
	site   *request.Site
	names  *portal.RealmNames
	events *event.Sink
	users  users.Directory
	// gate is the gateway's entry in the memory of visits.
	gate *visits.Gate
	// unfinished are the requests that are at the portal.
	unfinished unfinished
	// asked are the paths that questions go to.
	asked []string
	// observer is nil in `mode enforce`.
	observer *observe.Observer
}

// made is how many gateways were made. New takes numbers from it.
var made atomic.Uint64

// New returns a gateway.
func New(o Options) *Gateway {
	if o.Settle == 0 {
		o.Settle = DefaultSettle
	}
	if o.Timing == (response.Timing{}) {
		o.Timing = response.DefaultTiming
	}
	g := &Gateway{Options: o, number: made.Add(1), names: portal.NewRealmNames(o.Realm)}
	g.unfinished.clock, g.unfinished.began = o.Clock, time.Now()
	g.site = &request.Site{
		Path: o.Path, Rules: o.Rules, Headers: o.Headers, Queries: o.Queries, Bearer: o.Bearer,
		WatchUnsafe: o.WatchUnsafe, Identify: o.Identify,
	}
	g.events = &event.Sink{Realm: o.Realm, Log: o.Logger, Book: o.Book, Meter: o.Meter, Audit: o.Note}
	g.users = users.Directory{Realm: o.Realm, Store: o.Store, Clock: o.Clock}
	if o.Asker != nil {
		g.asked = o.Asker.Paths()
	}
	g.gate = o.Visits.Enter(visits.Place{Realm: o.Realm, Path: o.Path}, visits.Policy{Enforce: !o.Observe, Required: o.Required})
	if o.Observe {
		g.observer = observe.New(g.observed())
	}
	return g
}

// observed returns the options of package observe.
func (g *Gateway) observed() observe.Options {
	return observe.Options{
		Realm: g.Realm, Gate: g.gate, Site: g.site, Sealer: g.Sealer, CookiePolicy: g.CookiePolicy, Asker: g.Asker, Asked: g.asked,
		Fetch: func(ctx context.Context, next observe.Next, base *http.Request, uri string, header http.Header) (whoami.Response, error) {
			return g.Fetch(ctx, next, base, uri, header)
		},
		Rotates: g.Rotates, Required: g.Required, Recheck: g.Recheck,
		Events: g.events, Users: g.users, Visits: g.Visits, Pages: g.Pages, Clock: g.Clock,
	}
}

// Stop ends the questions of `mode observe`, and closes the responses that the next configuration
// would not have opened. A gateway that was stopped still serves requests.
func (g *Gateway) Stop() {
	if g.observer != nil {
		g.observer.Stop()
	}
	g.Visits.Leave(g.gate)
}

// ServeHTTP handles one request. It returns the error of next unchanged, or an error that the
// server may answer with 500; in the second case nothing was written.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request, c Client, next Next) error {
	if r.Method == http.MethodConnect {
		return g.serveConnect(w, r, c, next)
	}
	return g.serve(w, r, c, next)
}

func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, c Client, next Next) error {
	if g.observer != nil {
		return g.observer.Serve(w, r, c, next)
	}
	x := &exchange{g: g, rw: w, next: next, now: g.Clock()}
	x.names, x.host = g.names.For(c.Secure), r.Host
	defer x.close()
	err := x.serve(r, c)
	x.timeRefusal()
	if x.pauses {
		x.Over(true)
		pause(r.Context(), retryPause)
	}
	if g.Bare != nil && err == nil && !x.passed() {
		g.Bare(r)
	}
	return err
}

// settleTime is how long a visit is unsettled after a request that may sign a user in. It is 0
// under `rotates`: the gate then detects each sign-in by its new session id.
func (g *Gateway) settleTime() time.Duration {
	if g.Rotates {
		return 0
	}
	return g.Settle
}
