// Package observe handles the requests of a site in `mode observe`.
//
// Requests and responses pass unchanged, except for Secondgate's own cookies: the portal never
// sees them, and the browser has only the visit's cookie. Meanwhile the package finds out what
// `mode enforce` would have done, from the same facts (package request) and with the same
// decisions (package gate), and counts that for the report. An error or a panic in this package
// never fails a request.
//
// Package gateway calls [Observer.Serve]. What the package knows of a visit, its [state], is
// never read in `mode enforce`.
package observe

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/secondgate/secondgate/internal/gateway/event"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/users"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/userpages"
)

// Next is the handler that forwards the request to the portal.
type Next interface {
	ServeHTTP(w http.ResponseWriter, r *http.Request) error
}

// Options are what an observer needs; see gateway.Options.
type Options struct {
	Realm        string
	Gate         *visits.Gate
	Site         *request.Site
	Sealer       *portal.Sealer
	CookiePolicy *portal.CookiePolicy
	Asker        *portal.Asker
	// Asked are the paths that questions go to.
	Asked             []string
	Fetch             func(ctx context.Context, next Next, base *http.Request, uri string, header http.Header) (whoami.Response, error)
	Rotates, Required bool
	Recheck           time.Duration
	Events            *event.Sink
	Users             users.Directory
	Visits            *visits.Table
	Pages             *userpages.Pages
	Clock             func() time.Time
}

// Observer handles the requests of one site. It is safe for concurrent use.
type Observer struct {
	Options
	names *portal.RealmNames
	*questions
	probing
	// grace is how long ordinary responses may go on when `mode enforce` begins.
	grace time.Duration
}

// New returns an observer.
func New(o Options) *Observer {
	return &Observer{Options: o, names: portal.NewRealmNames(o.Realm), questions: newQuestions(), grace: finishTime}
}

// Serve passes one request to next and its response back.
func (ob *Observer) Serve(w http.ResponseWriter, r *http.Request, c request.Client, next Next) error {
	host := (&url.URL{Host: r.Host}).Hostname()
	if userpages.AsksHealth(ob.Site.Path, c.URL.Path) {
		ob.Pages.ServeHTTP(w, r, &userpages.Visitor{Host: host, Secure: c.Secure, Address: c.Address, Agent: r.UserAgent()})
		return nil
	}
	life := newLifetime(r.Context(), ob.grace)
	defer life.cancel()
	o := &observation{
		Observer: ob, r: r.WithContext(life), rw: w, client: c, next: next, now: ob.Clock(), host: r.Host,
		names: ob.names.For(c.Secure), state: &state{kind: unseen}, opened: portal.EmptyJar, jar: portal.EmptyJar,
		facts: request.Facts{Site: ob.Site},
	}
	o.guard(o.arrive)
	defer o.guard(o.depart)
	remove := func() {}
	// A response that begins after Stop, on a connection of the old configuration, is closed at once.
	o.guard(func() { remove = ob.Visits.Tunnels.Add(&visits.Tunnel{Gate: ob.Gate, Close: life.close}, ob.Clock()) })
	defer func() { remove() }()
	ow := &writer{o: o, life: life, rw: w}
	err := next.ServeHTTP(ow, o.r)
	if err == nil {
		ow.respond(http.StatusOK) // nothing was written: the server sends 200
	}
	return err
}

// guard runs fn and keeps a panic in it from failing the request.
func (ob *Observer) guard(fn func()) {
	defer func() {
		if p := recover(); p != nil {
			ob.Events.Panicked("observing a request panicked; it was forwarded all the same", p)
		}
	}()
	fn()
}

// count adds one to a number of the report.
func (ob *Observer) count(kind, name string) { ob.Events.Book.Add(ob.Realm, kind, name) }
