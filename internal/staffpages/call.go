package staffpages

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/internal/userpages/guard"
	"github.com/secondgate/secondgate/templates"
)

// call is one request to a page of the desk.
type call struct {
	*Pages
	w    http.ResponseWriter
	r    *http.Request
	v    Visitor
	lang string
	// form is what was posted; nil for a GET.
	form url.Values
}

// The denials of the desk.
var (
	unnamed    = &guard.Denial{Status: http.StatusForbidden, Title: templates.Say("desk.refused_title"), Body: templates.Say("desk.nobody")}
	behindGate = &guard.Denial{Status: http.StatusForbidden, Title: templates.Say("desk.refused_title"), Body: templates.Say("desk.behind_gate")}
	notStaff   = &guard.Denial{Status: http.StatusForbidden, Title: templates.Say("desk.refused_title"), Body: templates.Say("desk.not_staff")}
	mayNotAct  = &guard.Denial{Status: http.StatusForbidden, Title: templates.Say("desk.may_not_act_title"), Body: templates.Say("desk.may_not_act")}
	noUser     = &guard.Denial{Status: http.StatusNotFound, Title: templates.Say("desk.no_user_title"), Body: templates.Say("desk.no_user")}
	noRealm    = &guard.Denial{Status: http.StatusNotFound, Title: templates.Say("desk.no_user_title"), Body: templates.Say("desk.no_realm")}
	badQuery   = &guard.Denial{Status: http.StatusBadRequest, Title: templates.Say("problem.not_found_title"), Body: templates.Say("desk.bad_query")}
	notReady   = &guard.Denial{Status: http.StatusServiceUnavailable, Title: templates.Say("desk.fault_title"), Body: templates.Say("desk.later")}
	fault      = &guard.Denial{Status: http.StatusServiceUnavailable, Title: templates.Say("desk.fault_title"), Body: templates.Say("desk.fault")}
)

// realm returns the realm that a query or form names, or the first one if it names none. If
// it returns false, it has sent the response.
func (c *call) realm(named string) (string, bool) {
	all := c.realms()
	if named == "" && len(all) > 0 {
		return all[0], true
	}
	if !slices.Contains(all, named) {
		c.deny(noRealm)
		return "", false
	}
	return named, true
}

func (c *call) redirect(target string) { guard.Redirect(c.w, target) }

// show renders a page with the message that an earlier request left for it (flash).
func (c *call) show(status int, page templates.Page) {
	c.showFramed(status, page, templates.Frame{Flash: c.takeFlash()})
}

func (c *call) showFramed(status int, page templates.Page, f templates.Frame) {
	portal, err := c.set.Sentence(c.lang, templates.Say("desk.name"))
	if err != nil {
		portal = "Secondgate"
	}
	f.Language, f.Portal, f.Query = c.lang, portal, c.ownQuery()
	f.Desk = &templates.Desk{Staff: c.v.Staff, Acts: c.v.Acts}
	guard.Render(c.w, c.r, c.Logger, c.set, status, f, page)
}

// ownQuery returns the page's query for the links of the language switch.
func (c *call) ownQuery() url.Values {
	q := c.r.URL.Query()
	q.Del("lang")
	return q
}

func (c *call) deny(d *guard.Denial) {
	page := templates.Notice{Title: d.Title, Body: d.Body, Problem: true}
	if c.v.Sees && !c.v.Behind && c.v.Staff != "" {
		page.Link, page.LinkText = "/", templates.Say("desk.link")
	}
	if d.Status == http.StatusServiceUnavailable {
		c.w.Header().Set("Retry-After", "30")
	}
	// The flash is not taken: it is kept for the next page that is no refusal.
	c.showFramed(d.Status, page, templates.Frame{})
}

// fail answers a request for which the desk returned an error. wrong is the answer if the
// error is staff.ErrInput.
func (c *call) fail(err error, wrong *guard.Denial) {
	switch {
	case errors.Is(err, staff.ErrUnknown):
		c.deny(noUser)
	case errors.Is(err, staff.ErrInput):
		c.deny(wrong)
	case errors.Is(err, staff.ErrLater):
		c.deny(notReady)
	case c.r.Context().Err() != nil: // the browser has gone
	default:
		c.Logger.Error("the support desk can't work", zap.String("staff", c.v.Staff), zap.Error(err))
		c.deny(fault)
	}
}

// log writes a log line with the staff member's name and address.
func (c *call) log(message string, level zapcore.Level, more ...zap.Field) {
	fields := []zap.Field{zap.String("staff", c.v.Staff), zap.String("client_ip", c.v.Address)}
	c.Logger.Log(level, message, append(fields, more...)...)
}

// address makes a link with a query; empty values are left out.
func address(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Add(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}
