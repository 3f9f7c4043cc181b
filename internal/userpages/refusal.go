package userpages

import (
	"net/http"

	"github.com/secondgate/secondgate/internal/userpages/guard"
	"github.com/secondgate/secondgate/templates"
)

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
