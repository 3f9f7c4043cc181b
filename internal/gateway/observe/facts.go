package observe

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
	"github.com/secondgate/secondgate/internal/report"
)

// countPath counts something about the request's path.
func (o *observation) countPath(kind, what string) {
	o.count(kind, what+" "+report.Pattern(o.client.URL.Path))
}

// refusals are the reasons for the statuses that [request.Facts.Begin] refuses with.
var refusals = map[int]string{
	http.StatusForbidden: "deny", http.StatusBadRequest: "malformed", http.StatusMethodNotAllowed: "method",
}

// compareRequest counts what `mode enforce` would have done before the portal is reached.
func (o *observation) compareRequest() {
	f := &o.facts
	if status := f.Begin(f.Site, f.R, f.Client); status != 0 {
		o.countPath(report.Refused, refusals[status])
		o.exempt = true
		return
	}
	if o.Site.Below(o.client.URL.Path) {
		o.countPath(report.Changed, "answered by the own pages")
	}
	if f.All(o.Site.Rules.Trust) {
		o.exempt = true
		return
	}
	if _, err := portal.Read(f.R.Header["Cookie"], o.names, o.host, o.CookiePolicy); err != nil {
		o.countPath(report.Refused, "malformed cookies")
	}
	o.classify()
	a := o.answer()
	st := a.standing()
	action := gate.Before(gate.Request{
		Standing: st, Asset: f.Asset, Upgrade: f.Upgrade, GuestOnly: o.Site.Rules.Guest != nil, GuestPath: f.Guest,
	})
	switch {
	case action == gate.Guest:
		o.countPath(report.Refused, "not under guest")
	case action == gate.Upgrade:
		o.countPath(report.Refused, "upgrade by a stranger")
	case f.Unsafe && !st.MayPass() && f.R.ContentLength > request.MaxStrangerBody:
		o.countPath(report.Refused, "body too large")
	}
	asks := a.outdated(o.jar.Key(), o.Recheck, o.now) || f.Unsafe && a.kind != gate.User && !o.Site.WatchUnsafe
	if asks && o.hasCredentials() && !f.Asset && o.Site.Identify == nil {
		o.count(report.Waits, "before")
	}
}

// classify completes the facts, and counts the credentials that this removed from the copy of
// the request.
func (o *observation) classify() {
	f := &o.facts
	o.jar = o.browserJar()
	if f.StripSessions(o.jar.HasName) != 0 {
		o.countPath(report.Refused, "deny")
		o.exempt = true
	}
	if f.R.URL.RawQuery != o.r.URL.RawQuery || f.R.URL.Path != o.r.URL.Path {
		o.countPath(report.Changed, "session id in the address")
	}
	f.Classify(false)
	for name := range o.r.Header {
		if _, kept := f.R.Header[name]; !kept && o.Site.Headers.Credential(name) {
			o.countPath(report.Changed, "header "+name)
			o.stripped = true
		}
	}
}

// hasCredentials reports whether the portal could recognise a user by the request.
func (o *observation) hasCredentials() bool {
	return o.Site.Identify != nil || !o.jar.Empty() || o.facts.Carries
}

// browserJar returns the cookies that the browser holds, as far as they are known.
func (o *observation) browserJar() *portal.Jar {
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	return o.state.credentials(o.CookiePolicy)
}

// answer is the last answer about the request's visit, or one that needs no question.
func (o *observation) answer() answer {
	switch {
	case o.Site.Identify != nil:
		if id := o.Site.Identify(o.r); id != "" {
			return answer{kind: gate.User, user: id}
		}
		return answer{}
	case !o.hasCredentials():
		return answer{kind: gate.Anonymous, at: o.now}
	}
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	return o.state.answer
}

// compareResponse counts what `mode enforce` would have done with the portal's response, and
// decides whether the portal is asked about the visit.
func (o *observation) compareResponse(status int, h http.Header, changes []portal.Change) {
	if o.exempt {
		return
	}
	f, a, after := &o.facts, o.answer(), o.browserJar()
	if f.Asset && !a.standing().MayPass() {
		o.compareAsset(status, h)
		return
	}
	if o.Site.Identify != nil {
		o.identified(a)
		return
	}
	facts := gate.Response{
		Before: a.standing(), Credentials: o.hasCredentials(), Unsafe: f.Unsafe, SignIn: f.SignIn,
		Sets:     slices.ContainsFunc(changes, func(c portal.Change) bool { return !c.Delete && c.Class != portal.Public }),
		Changes:  after.Key() != o.jar.Key(),
		Redirect: status >= 300 && status < 400 && status != http.StatusNotModified, WatchUnsafe: o.Site.WatchUnsafe, Rotates: o.Rotates,
	}
	checked := gate.Checked(facts)
	if checked && (!after.Empty() || f.Carries) {
		o.count(report.Waits, "after")
	}
	if o.stripped {
		o.count(report.Unasked, "the request carried a credential that the gate would strip")
		return
	}
	o.consider(facts, status, h, after, checked)
}

// compareAsset counts assets that a stranger would not get, because the gate fetches them
// without credentials and releases only assets.
func (o *observation) compareAsset(status int, h http.Header) {
	ok := (status == http.StatusOK || status == http.StatusPartialContent) && route.IsAssetType(h.Get("Content-Type"))
	if !ok && status != http.StatusNotModified && status != http.StatusNotFound {
		o.countPath(report.Refused, "looks like an asset, but is none")
	}
}

// identified handles a site with the setting `user`: it counts an empty placeholder, or schedules
// the user to be counted.
func (o *observation) identified(a answer) {
	if a.kind != gate.User {
		o.count(report.Unknown, "the placeholder under `user` is empty")
		return
	}
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	if o.state.answer.user != a.user {
		o.state.pending = &template{user: a.user}
	}
}

// consider decides whether the portal is asked about the visit.
func (o *observation) consider(facts gate.Response, status int, h http.Header, after *portal.Jar, checked bool) {
	f, s := &o.facts, o.state
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jar.incomplete {
		return
	}
	header := o.Site.Bearer.Header
	token := header != "" && portal.SentToken(f.R.Header, header) != ""
	s.byHeader = s.byHeader || token || after.Empty() && f.Carries
	if s.byHeader && !f.Carries {
		return
	}
	if after.Empty() && !s.byHeader || status < 400 && f.SignOut {
		if s.signedOut(o.now) {
			o.count(report.SignOuts, "")
		}
		return
	}
	kind := o.signInKind(facts)
	s.kind = min(s.kind, kind)
	s.likely = s.likely || o.likely(kind, facts, status, h)
	if checked || s.answer.outdated(after.Key(), o.Recheck, o.now) {
		s.pending, s.tries = &template{facts: f, next: o.next, header: o.Site.Headers.Question(f.R.Header)}, 0
	}
}

// signInKind returns how a sign-in by this request would be detected.
func (o *observation) signInKind(facts gate.Response) signInKind {
	switch f := &o.facts; {
	case f.Any(o.Site.Rules.SignIn):
		return byPath
	case route.HasParameter(f.R.URL.RawQuery, o.Site.Rules.Fields):
		return byField
	case facts.Unsafe:
		return byPost
	case facts.Redirect || facts.Changes:
		return byGet
	}
	return unseen
}

// likely reports whether the response looks like that of a sign-in that succeeded. It
// decides whether to ask portals that must not be asked about strangers.
func (o *observation) likely(kind signInKind, facts gate.Response, status int, h http.Header) bool {
	switch {
	case kind == unseen:
		return false
	case kind == byGet:
		return facts.Redirect && facts.Changes && o.leadsAway(h)
	case facts.Redirect:
		return o.leadsAway(h)
	}
	return status < 400 && kind == byPath && strings.Contains(h.Get("Content-Type"), "json")
}

// leadsAway reports whether a redirect leads away from the sign-in, not back to it.
func (o *observation) leadsAway(h http.Header) bool {
	to, err := url.Parse(h.Get("Location"))
	if err != nil {
		return false
	}
	path := o.client.URL.ResolveReference(to).Path
	back := []string{o.client.URL.Path}
	for _, page := range []string{o.r.Header.Get("Referer"), o.Site.Rules.SignInPage} {
		if u, err := url.Parse(page); err == nil && u.Path != "" {
			back = append(back, u.Path)
		}
	}
	// Many portals are one script. Then the query must differ.
	return !slices.Contains(back, path) || to.RawQuery != "" && to.RawQuery != o.client.URL.RawQuery && !strings.Contains(to.RawQuery, "login")
}
