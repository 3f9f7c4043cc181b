package check

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
)

// otherPaths signs in by other spellings of the form's address, which portals take for
// it: a cookie without Path is then for another directory than usual. It asks there again.
func otherPaths(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	action := c.entry.Form.Action.Path
	for _, spelled := range []struct{ to, next string }{
		{"/." + action, "/." + pathOf(c.home)},
		{path.Join(action, "x", "y"), path.Join(action, "x", "z")},
	} {
		e, err := b.Find(r.ctx, r.start())
		if err != nil {
			continue // the gate asks for the code already, or the portal shows no form to who is signed in
		}
		u := *e.Form.Action
		u.Path, u.RawPath = spelled.to, ""
		e.Form.Action = &u
		if err := b.Enter(r.ctx, e, c.Account); err == nil {
			pages = append(pages, e.Page)
		}
		for _, p := range []string{spelled.to, spelled.next} {
			pages = append(pages, r.once(b, http.MethodGet, r.at(p), browse.Navigation(), ""))
		}
	}
	for _, address := range r.exempt() {
		pages = append(pages, r.once(b, http.MethodGet, address, browse.Navigation(), ""))
	}
	return pages
}

// sessionInBody sends a live session's id as a field of a form, without its cookie.
func sessionInBody(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	for _, k := range c.direct.Cookies() {
		for _, address := range r.memberPages(c) {
			pages = append(pages, r.postField(b, address, k.Name, k.Value))
		}
	}
	return pages
}

func (r *run) postField(b *browse.Browser, address, name, value string) *browse.Page {
	h := browse.Navigation()
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	h.Set("Origin", r.plan.URL)
	return r.once(b, http.MethodPost, address, h, url.Values{name: {value}}.Encode())
}

// bodyIDs sends a field with the name of each sealed cookie and another value, within the
// customer's visit: no question would be about that session, so it has to be refused.
func (r *run) bodyIDs() bool {
	var names []string
	for _, k := range r.sealedCookies() {
		field := slices.ContainsFunc(r.site.SignIn, func(s config.SignIn) bool { return s.Username == k.Name || s.Password == k.Name })
		if !field && !slices.Contains(names, k.Name) {
			names = append(names, k.Name)
		}
	}
	for _, name := range names {
		p := r.postField(r.first.gate, r.first.home, name, "of-another-session")
		if p == nil || p.Status != http.StatusForbidden {
			r.report.fail(rowBody, fmt.Sprintf("a form with a field %s, as the session's cookie is named, and another value is not refused (%s)", name, answered(p)),
				"take "+pathOf(r.first.home)+" out of `trust`; declare the name: `credential query "+name+"`")
			return true
		}
	}
	if len(names) == 0 {
		r.report.ok(rowBody, "the portal has no cookie that the gate seals")
		return true
	}
	r.report.ok(rowBody, "refused with 403: a field %s with another value than the visit's own", strings.Join(names, ", "))
	return true
}

func answered(p *browse.Page) string {
	if p == nil {
		return "no answer"
	}
	return fmt.Sprintf("%s answers %d", p.URL.Path, p.Status)
}

// leaves are how long after the sign-in was sent its connection is closed.
var leaves = []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond}

// left is what came of a sign-in whose connection was closed before the response.
type left struct {
	err      error
	dropped  bool         // the response was not there yet
	released *browse.Page // to somebody signed in, without a code
	asked    bool         // a code was asked for
}

// droppedConnection sends the sign-in and closes the connection before the response: the
// portal may have signed the customer in all the same, and the visit's next requests must
// not run on an answer from before.
func (r *run) droppedConnection() bool {
	dropped, owing := 0, 0
	for _, l := range r.leaveEach() {
		switch {
		case l.err != nil:
			r.report.fail(rowLeft, l.err.Error(), "see the log")
			return true
		case l.released != nil:
			mark, _ := r.first.tell.in(l.released)
			r.report.fail(rowLeft, fmt.Sprintf("the connection was closed before the response of the sign-in, and then %s was released without a code (%s)", l.released.URL.Path, aboutMark(mark, true)),
				r.remedyForDropped())
			return true
		}
		if l.dropped {
			dropped++
		}
		if l.asked {
			owing++
		}
	}
	switch {
	case dropped == 0:
		r.report.skip(rowLeft, "the portal's response was always there before the connection could be closed")
	case owing == 0:
		r.report.ok(rowLeft, "handled by the gate: of %d such sign-ins none signed the visit in", dropped)
	default:
		r.report.ok(rowLeft, "handled by the gate: of %d such sign-ins %d signed the visit in at the portal, and it was asked for the code", dropped, owing)
	}
	return true
}

// leaveEach closes the connection after each of leaves, in browsers of their own.
func (r *run) leaveEach() []left {
	all := make([]left, len(leaves))
	var running sync.WaitGroup
	for i, wait := range leaves {
		running.Go(func() { all[i] = r.signInAndLeave(wait) })
	}
	running.Wait()
	return all
}

func (r *run) signInAndLeave(after time.Duration) (l left) {
	b := r.browser()
	e, err := b.Find(r.ctx, r.start())
	if err != nil {
		return left{err: err}
	}
	if l.dropped = r.enterAndLeave(b, e, after); l.dropped {
		l.released, l.asked = r.watchVisit(b)
	}
	return l
}

func (r *run) remedyForDropped() string {
	if r.site.Watch == "unsafe" && r.late > 0 {
		return "take `watch unsafe` out: the portal commits a sign-in after its response, and this page is not asked about again"
	}
	return "take this path out of `trust` and `public`; do not say `rotates` or `settle 0` unless the portal bears it out"
}

// enterAndLeave sends the sign-in, and closes the connection after a while. It reports
// whether it was closed before the response came.
func (r *run) enterAndLeave(b *browse.Browser, e *browse.Entry, after time.Duration) bool {
	ctx, leave := context.WithCancel(r.ctx)
	defer leave()
	sent := httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { time.AfterFunc(after, leave) }}
	return b.Enter(httptrace.WithClientTrace(ctx, &sent), e, r.first.Account) != nil
}

// watchVisit opens the customer's pages at once and until the portal has committed. It
// returns a page that was released to somebody signed in, and whether a code was asked for.
func (r *run) watchVisit(b *browse.Browser) (released *browse.Page, asked bool) {
	for _, wait := range []time.Duration{0, 250*time.Millisecond + r.late} {
		direct.Sleep(r.ctx, wait)
		for _, address := range append(r.memberPages(r.first), r.exempt()...) {
			p, err := r.look(b, address)
			if err != nil {
				continue
			}
			if r.ours(p) {
				asked = true
			} else if _, found := r.first.tell.in(p); found {
				return p, asked
			}
		}
	}
	return nil, asked
}

// bound looks to which request headers the portal binds a session. That whoami named the
// customer at the gate, in the lines before, shows that questions carry them.
func (r *run) bound() bool {
	var b *browse.Browser
	again := func() (*browse.Browser, error) {
		b = browse.New(browse.Options{Transport: r.stage.Portal()})
		_, err := b.SignIn(r.ctx, r.start(), r.first.Account)
		direct.Sleep(r.ctx, r.late)
		return b, err
	}
	b, err := again()
	if err != nil {
		r.report.skip(rowBound, err.Error())
		return true
	}
	names, err := r.portal.Bound(r.ctx, b, again)
	switch _, _ = r.goOut(b, r.first.home); {
	case err != nil:
		r.report.skip(rowBound, err.Error())
	case len(names) == 0:
		r.report.ok(rowBound, "none of those tried: the session stays with another browser, language, encoding or page before")
	default:
		r.report.ok(rowBound, "handled by the gate: the portal signs out who sends another %s; questions carry the request's own", strings.Join(names, ", "))
	}
	return true
}
