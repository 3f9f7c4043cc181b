// Package observe carries the requests of a site in `mode observe`.
package observe

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gateway/event"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/users"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/web"
)

// Next is the handler behind.
type Next interface {
	ServeHTTP(w http.ResponseWriter, r *http.Request) error
}

// Options are what an observer needs; see gateway.Options.
type Options struct {
	Realm  string
	Site   *request.Site
	Sealer *portal.Sealer
	Leave  *portal.Leave
	Asker  *portal.Asker
	// Asked are the paths that questions go to.
	Asked             []string
	Fetch             func(ctx context.Context, next Next, base *http.Request, uri string, header http.Header) (whoami.Response, error)
	Rotates, Required bool
	Recheck           time.Duration
	Events            *event.Sink
	Book              *report.Book
	Users             users.Directory
	Visits            *visits.Table
	Pages             *web.Pages
	Logger            *zap.Logger
	Clock             func() time.Time
}

// Observer carries the requests of one site.
type Observer struct{ o Options }

// New returns an observer.
func New(o Options) *Observer { return &Observer{o} }

// Stop ends the questions.
func (ob *Observer) Stop() {}

// Serve carries one request.
func (ob *Observer) Serve(w http.ResponseWriter, r *http.Request, c request.Client, next Next) error {
	return next.ServeHTTP(w, r)
}
