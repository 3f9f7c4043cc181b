package userpages

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages/guard"
	"github.com/secondgate/secondgate/templates"
)

// Factors are the operations on factors that the pages need. [factor.Service] has them.
type Factors interface {
	SendMailCode(ctx context.Context, a factor.Attempt, to, language string) error
	ProveMail(ctx context.Context, a factor.Attempt, to string) error
	Begin(replaces string) (factor.Enrolment, error)
	URI(e factor.Enrolment, issuer, account string) string
	Confirm(ctx context.Context, a factor.Attempt, e factor.Enrolment, spare store.VisitID, buy func(store.Tx) error) (factor.Confirmed, error)
	Spend(ctx context.Context, a factor.Attempt, then factor.Then) (factor.Accepted, error)
	Regenerate(ctx context.Context, a factor.Attempt) ([]string, error)
	Disable(ctx context.Context, a factor.Attempt, move func(store.Tx) error) ([]store.VisitID, error)
	EndOthers(ctx context.Context, a factor.Attempt, spare store.VisitID, move func(store.Tx) error) ([]store.VisitID, error)
}

// Options configure the pages of one site.
type Options struct {
	// Path is the path below which the pages are, such as "/two-factor", without a slash at
	// its end.
	Path  string
	Realm string
	// Issuer is shown in the authenticator app; default: the brand's name, or the site's host.
	Issuer string
	// Support is shown to customers who are locked out: an email address, a telephone
	// number or a URL. If it is empty, the page tells them to use the usual way.
	Support string
	Brand   templates.Brand
	// Locales holds further translations, see templates.Options.
	Locales fs.FS
	// Required says that every user must have a second factor, so that it can't be turned off.
	Required bool
	// EnrolMail says that a first set-up requires a code that is sent to the user's email
	// address, if there is one.
	EnrolMail bool
	// FreeTries is the number of wrong codes without a wait. The page says how many are
	// left; 0 turns that off.
	FreeTries int

	Factors Factors
	Store   store.Store
	State   *State
	// Ready runs the checks of `/health/ready`. It is cancelled after healthTime. Default:
	// the check of the store.
	Ready func(context.Context) []Check
	// Logger and Clock default to none and time.Now.
	Logger *zap.Logger
	Clock  func() time.Time
}

// Pages serves the own pages of one site. Safe for concurrent use.
type Pages struct {
	Options
	set *templates.Set
	// health is asked by `/health`, readiness by `/health/ready`.
	health, readiness health

	routes map[string]guard.Route[*call]
}

// New checks the options and loads the templates.
func New(o Options) (*Pages, error) {
	if !strings.HasPrefix(o.Path, "/") || strings.HasSuffix(o.Path, "/") {
		return nil, errors.New("the own pages' path must begin with a slash and not end with one, as /two-factor")
	}
	if o.Factors == nil || o.Store == nil || o.State == nil {
		return nil, errors.New("pages need factors, a store and state")
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	set, err := templates.New(templates.Options{Brand: o.Brand, Path: o.Path, Locales: o.Locales})
	if err != nil {
		return nil, err
	}
	p := &Pages{Options: o, set: set}
	p.health.check, p.readiness.check = p.storeCheck, o.Ready
	if o.Ready == nil {
		p.readiness.check = p.storeCheck
	}
	p.routes = p.table()
	return p, nil
}

func (p *Pages) table() map[string]guard.Route[*call] {
	return map[string]guard.Route[*call]{
		"/":             {Get: cleared((*call).showSettings), Post: cleared((*call).endSessions)},
		"/setup":        {Get: signedIn((*call).showSetup), Post: signedIn((*call).answerSetup)},
		"/challenge":    {Get: signedIn((*call).showChallenge), Post: (*call).answerChallenge},
		"/backup-codes": {Get: cleared((*call).showBackup), Post: cleared((*call).answerBackup)},
		"/disable":      {Get: cleared((*call).showDisable), Post: cleared((*call).answerDisable)},
		"/help":         {Get: (*call).showHelp},
		"/health":       {Get: (*call).showHealth},
		"/health/live":  {Get: (*call).showLive},
		"/health/ready": {Get: (*call).showReady},
	}
}

// Impersonal reports whether the page at this path is the same for every visitor. The
// gateway then asks the portal no question, and Visitor.User may be empty.
func (p *Pages) Impersonal(path string) bool {
	sub := strings.TrimPrefix(path, p.Path)
	return sub == "/help" || AsksHealth(p.Path, path) || strings.HasPrefix(sub, "/assets/")
}

// ServeHTTP answers everything at or below Path. r.URL.Path is the browser's path.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request, v *Visitor) {
	guard.Protect(w.Header())
	c := &call{Pages: p, w: w, r: r, v: v, lang: guard.Language(w, r, p.set, v.Secure)}
	sub, below := strings.CutPrefix(r.URL.Path, p.Path)
	if below && sub == "" {
		c.redirect(p.Path + "/")
		return
	}
	page, known := p.routes[sub]
	if name, ok := strings.CutPrefix(sub, "/assets/"); ok {
		page, known = guard.Route[*call]{Get: func(c *call) { c.showAsset(name) }}, true
	}
	handle, form, denied := guard.Admit(w, r, page, known && below, v.Secure)
	if denied != nil {
		c.deny(denied)
		return
	}
	c.form = form
	handle(c)
}

func (c *call) showAsset(name string) {
	if !guard.ServeAsset(c.w, c.r, c.set, name) {
		c.deny(guard.NotFound)
	}
}

// Letter writes an email notice in a language of the site.
func (p *Pages) Letter(lang string, l templates.Letter) (templates.Written, error) {
	return p.set.Write(lang, l)
}

// refusals are the texts of Refuse by status.
var refusals = map[int]*guard.Denial{
	http.StatusBadRequest:            {Status: http.StatusBadRequest, Title: templates.Say("refused.request_title"), Body: templates.Say("refused.request")},
	http.StatusUnauthorized:          {Status: http.StatusUnauthorized, Title: templates.Say("refused.sign_in_title"), Body: templates.Say("refused.sign_in")},
	http.StatusForbidden:             {Status: http.StatusForbidden, Title: templates.Say("refused.closed_title"), Body: templates.Say("refused.closed")},
	http.StatusNotFound:              guard.NotFound,
	http.StatusMethodNotAllowed:      guard.WrongMethod,
	http.StatusRequestTimeout:        {Status: http.StatusRequestTimeout, Title: templates.Say("refused.slow_title"), Body: templates.Say("refused.slow")},
	http.StatusRequestEntityTooLarge: {Status: http.StatusRequestEntityTooLarge, Title: templates.Say("refused.large_title"), Body: templates.Say("refused.large")},
}

// Refuse answers a request for a page of the portal that the gateway refuses, with a neutral
// sentence and the next step. The gateway calls it. A status that is not in refusals is a
// failure of the server: it becomes a 503 that says to try again.
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, v *Visitor, status int) {
	guard.Protect(w.Header())
	c := &call{Pages: p, w: w, r: r, v: v, lang: guard.Language(w, r, p.set, v.Secure)}
	d, ok := refusals[status]
	if !ok {
		d = &guard.Denial{Status: http.StatusServiceUnavailable, Title: templates.Say("refused.unknown_title"), Body: templates.Say("refused.unknown")}
	}
	c.showFramed(d.Status, templates.Notice{
		Title: d.Title, Body: d.Body, Problem: true,
		Link: "/", LinkText: templates.Say("refused.home"), Support: contact(c.Support),
	}, templates.Frame{})
}

// showHelp shows the help page. It is the same for every visitor, so it discloses nothing
// about any account.
func (c *call) showHelp() {
	c.showFramed(http.StatusOK, templates.Help{Portal: c.portal(), Support: contact(c.Support), Now: c.Clock()}, templates.Frame{})
}
