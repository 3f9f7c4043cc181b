// Package staffpages serves the pages of the support desk: the list of users, one user with
// history, and the forms of acts such as a reset. caddyplugin calls [Pages.ServeHTTP] for
// the directive two_factor_admin. The pages work without JavaScript, and change users only
// by package staff.
//
// A visitor without an authenticated name gets a refusal. A change requires a POST from a
// page of this origin, with a reason, by staff who may act, in a realm that this desk shows.
package staffpages

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/internal/userpages/cookiestate"
	"github.com/secondgate/secondgate/internal/userpages/guard"
	"github.com/secondgate/secondgate/templates"
)

// Desk has the operations that the pages need. [staff.Desk] implements it.
type Desk interface {
	Realms() []string
	List(ctx context.Context, q staff.Query) (staff.Page, error)
	Show(ctx context.Context, realm, id string) (staff.Details, error)
	Reset(ctx context.Context, a staff.Act) (sessions int, err error)
	Unlock(ctx context.Context, a staff.Act) error
	EndSessions(ctx context.Context, a staff.Act) (sessions int, err error)
	RecoveryCode(ctx context.Context, a staff.Act, life time.Duration) (code string, until time.Time, err error)
}

// Options configure the pages.
type Options struct {
	// Desk is called for every request, because a configuration's realms are known only
	// after all of it is loaded.
	Desk func() Desk
	// Realms are the realms that these pages show; empty for all.
	Realms []string
	// State keeps a message and a newly issued recovery code in sealed cookies.
	State *cookiestate.Store
	// Acted is called after an act. It must have the audit log written, so that the
	// history shows the act at once. Default: nothing.
	Acted func()
	// Mails reports whether users get an e-mail about what staff do. Default: no.
	Mails func() bool
	// Locales holds further translations, see templates.Options.
	Locales fs.FS
	// Logger defaults to none.
	Logger *zap.Logger
}

// Visitor is the sender of a request. caddyplugin fills it in.
type Visitor struct {
	// Staff is the authenticated name; empty for none.
	Staff string
	// Behind says that the request passed the gateway of a portal before. The name may then
	// be a customer's, so the request is refused.
	Behind bool
	// Sees and Acts are what this member of staff may do. Without Sees, Acts has no effect.
	Sees, Acts bool
	// Secure says that the browser speaks HTTPS.
	Secure bool
	// Address is the client's address.
	Address string
}

// Pages serves a support desk. Safe for concurrent use.
type Pages struct {
	Options
	set    *templates.Set
	routes map[string]guard.Route[*call]
}

// New checks the options and loads the templates.
func New(o Options) (*Pages, error) {
	if o.Desk == nil || o.State == nil {
		return nil, errors.New("staff's pages need a desk and state")
	}
	if o.Acted == nil {
		o.Acted = func() {}
	}
	if o.Mails == nil {
		o.Mails = func() bool { return false }
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	set, err := templates.New(templates.Options{Locales: o.Locales})
	if err != nil {
		return nil, err
	}
	p := &Pages{Options: o, set: set}
	p.routes = map[string]guard.Route[*call]{
		"/":              {Get: (*call).showUsers},
		"/users.csv":     {Get: (*call).export},
		"/user":          {Get: (*call).showUser},
		"/act":           {Get: acting((*call).showAct), Post: acting((*call).doAct)},
		"/recovery-code": {Get: acting((*call).showCode)},
	}
	return p, nil
}

// acting returns a handler that calls page only for staff who may act.
func acting(page func(*call)) func(*call) {
	return func(c *call) {
		if !c.v.Acts {
			c.log("act refused: the role lets look only", zap.WarnLevel)
			c.deny(mayNotAct)
			return
		}
		page(c)
	}
}

// ServeHTTP answers every path of the site. r.URL.Path is the browser's path.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request, v Visitor) {
	guard.Protect(w.Header())
	c := &call{Pages: p, w: w, r: r, v: v, lang: guard.Language(w, r, p.set, v.Secure)}
	if name, ok := strings.CutPrefix(r.URL.Path, "/assets/"); ok && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		if !guard.ServeAsset(w, r, p.set, name) {
			c.deny(guard.NotFound)
		}
		return
	}
	if d := c.stranger(); d != nil {
		c.deny(d)
		return
	}
	page, known := p.routes[r.URL.Path]
	handle, form, denied := guard.Admit(w, r, page, known, v.Secure)
	if denied != nil {
		c.deny(denied)
		return
	}
	c.form = form
	handle(c)
}

// stranger returns the refusal of a visitor who is not known to be staff, or nil. It logs
// the reason for the operator.
func (c *call) stranger() *guard.Denial {
	switch {
	case c.v.Behind:
		c.v.Staff = "" // the name may be a customer's, and the page must not show it
		c.Logger.Error("two_factor_admin is behind the two_factor of a portal, where customers are signed in, so it refuses all requests: give it a site of its own, behind an authentication for staff")
		return behindGate
	case c.v.Staff == "":
		c.Logger.Error("no authentication before two_factor_admin names the member of staff, so the request was refused: put basic_auth or another authentication before it, or name the placeholder with the name (staff {…})", zap.String("client_ip", c.v.Address))
		return unnamed
	case staff.CheckName(c.v.Staff) != nil:
		c.Logger.Error("the authenticated name can't stand in the audit log, so two_factor_admin does not let it in", zap.String("client_ip", c.v.Address), zap.Error(staff.CheckName(c.v.Staff)))
		return unnamed
	case !c.v.Sees:
		c.log("refused: not among those who may see these pages", zap.WarnLevel)
		return notStaff
	}
	return nil
}

// realms returns the realms that these pages show.
func (p *Pages) realms() []string {
	all := p.Desk().Realms()
	if len(p.Realms) == 0 {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(r string) bool { return !slices.Contains(p.Realms, r) })
}
