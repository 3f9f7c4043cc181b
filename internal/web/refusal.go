package web

import (
	"net/http"

	"github.com/secondgate/secondgate/templates"
)

// refusals are the pages for what the gateway refuses on the way to the portal.
var refusals = map[int]*denial{
	http.StatusBadRequest:            {http.StatusBadRequest, templates.Say("refused.request_title"), templates.Say("refused.request")},
	http.StatusUnauthorized:          {http.StatusUnauthorized, templates.Say("refused.sign_in_title"), templates.Say("refused.sign_in")},
	http.StatusForbidden:             {http.StatusForbidden, templates.Say("refused.closed_title"), templates.Say("refused.closed")},
	http.StatusNotFound:              notFound,
	http.StatusMethodNotAllowed:      wrongMethod,
	http.StatusRequestTimeout:        {http.StatusRequestTimeout, templates.Say("refused.slow_title"), templates.Say("refused.slow")},
	http.StatusRequestEntityTooLarge: {http.StatusRequestEntityTooLarge, templates.Say("refused.large_title"), templates.Say("refused.large")},
}

// Refuse answers a page's request that the gateway does not let through, with a
// neutral sentence and the next step. A status without a page of its own is a fault
// on this side: it becomes a 503 that says to try again.
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, v *Visitor, status int) {
	protect(w.Header())
	c := &call{Pages: p, w: w, r: r, v: v, lang: p.language(w, r, v)}
	d, ok := refusals[status]
	if !ok {
		d = &denial{http.StatusServiceUnavailable, templates.Say("refused.unknown_title"), templates.Say("refused.unknown")}
	}
	c.showFramed(d.status, templates.Notice{
		Title: d.title, Body: d.body, Problem: true,
		Link: "/", LinkText: templates.Say("refused.home"), Support: contact(c.Support),
	}, templates.Frame{})
}
