package userpages

import (
	"net/http"

	"github.com/secondgate/secondgate/internal/userpages/guard"
	"github.com/secondgate/secondgate/templates"
)

// refusals are the pages for what the gateway refuses on the way to the portal.
var refusals = map[int]*guard.Denial{
	http.StatusBadRequest:            {Status: http.StatusBadRequest, Title: templates.Say("refused.request_title"), Body: templates.Say("refused.request")},
	http.StatusUnauthorized:          {Status: http.StatusUnauthorized, Title: templates.Say("refused.sign_in_title"), Body: templates.Say("refused.sign_in")},
	http.StatusForbidden:             {Status: http.StatusForbidden, Title: templates.Say("refused.closed_title"), Body: templates.Say("refused.closed")},
	http.StatusNotFound:              guard.NotFound,
	http.StatusMethodNotAllowed:      guard.WrongMethod,
	http.StatusRequestTimeout:        {Status: http.StatusRequestTimeout, Title: templates.Say("refused.slow_title"), Body: templates.Say("refused.slow")},
	http.StatusRequestEntityTooLarge: {Status: http.StatusRequestEntityTooLarge, Title: templates.Say("refused.large_title"), Body: templates.Say("refused.large")},
}

// Refuse answers a page's request that the gateway does not let through, with a
// neutral sentence and the next step. A status without a page of its own is a fault
// on this side: it becomes a 503 that says to try again.
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

// showHelp is the same for every visitor: it discloses nothing about any account.
func (c *call) showHelp() {
	c.showFramed(http.StatusOK, templates.Help{Portal: c.portal(), Support: contact(c.Support), Now: c.Clock()}, templates.Frame{})
}
