package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/route"
	"github.com/secondgate/secondgate/internal/report"
)

// note counts something about a request's path.
func (o *observation) note(kind, what string) {
	o.g.Book.Add(o.g.Realm, kind, what+" "+report.Pattern(o.client.URL.Path))
}

// judgeRequest notes what the gate would have done before the portal was reached. lines
// are the Cookie lines as they came.
func (o *observation) judgeRequest(lines []string) {
	x := o.shadow
	if status := x.check(); status != 0 {
		o.note(report.Refused, refusals[status])
		o.skip = true
		return
	}
	if x.below(o.client.URL.Path) {
		o.note(report.Changed, "answered by the own pages")
	}
	if x.all(o.g.Rules.Trust) {
		o.skip = true
		return
	}
	if _, err := portal.Read(lines, o.names, o.site, o.g.Leave); err != nil {
		o.note(report.Refused, "malformed cookies")
	}
	o.weigh()
	b := o.belief()
	action := gate.Before(gate.Request{
		Standing: b.standing(), Asset: x.asset, Upgrade: x.upgrade,
		GuestOnly: o.g.Rules.Guest != nil, GuestPath: x.guestPath,
	})
	switch {
	case action == gate.Guest:
		o.note(report.Refused, "not under guest")
	case action == gate.Upgrade:
		o.note(report.Refused, "upgrade by a stranger")
	case x.unsafe && !b.standing().MayPass() && x.r.ContentLength > maxStrangerBody:
		o.note(report.Refused, "body too large")
	}
	if x.credentials && !x.asset && o.g.Identify == nil && (b.stale(x.jar.Key(), o.g.Recheck, o.now) || x.unsafe && b.kind != gate.User && !o.g.WatchUnsafe) {
		o.g.Book.Add(o.g.Realm, report.Waits, "before")
	}
}

// refusals are what check refuses, by its status.
var refusals = map[int]string{
	http.StatusForbidden: "deny", http.StatusBadRequest: "malformed", http.StatusMethodNotAllowed: "method",
}

// weigh finds out what the request is, and what the gate would have taken out of it.
func (o *observation) weigh() {
	x := o.shadow
	x.jar = o.jar()
	if x.stripSessions() != 0 {
		o.note(report.Refused, "deny")
		o.skip = true
	}
	if x.r.URL.RawQuery != o.r.URL.RawQuery || x.r.URL.Path != o.r.URL.Path {
		o.note(report.Changed, "session id in the address")
	}
	x.weigh()
	for name := range o.r.Header {
		if _, kept := x.r.Header[name]; !kept && o.g.Headers.Credential(name) {
			o.note(report.Changed, "header "+name)
			o.stripped = true
		}
	}
}

// jar is what the browser holds, as far as is known.
func (o *observation) jar() *portal.Jar {
	if o.visit == nil {
		pairs := make([]portal.Cookie, 0, len(o.plain.Pairs))
		for _, p := range o.plain.Pairs {
			pairs = append(pairs, portal.Cookie{Name: p.Name, Value: p.Value, Path: "/"})
		}
		return portal.PlainJar(pairs, o.g.Leave)
	}
	w := o.visit.watch()
	w.mu.Lock()
	defer w.mu.Unlock()
	return portal.PlainJar(w.jar.cookies(), o.g.Leave)
}

// belief is who the visit belongs to, as far as is known.
func (o *observation) belief() belief {
	switch {
	case o.g.Identify != nil:
		if id := o.g.Identify(o.r); id != "" {
			return belief{kind: gate.User, user: id}
		}
		return belief{}
	case !o.shadow.credentials:
		return belief{kind: gate.Anonymous, at: o.now}
	case o.visit == nil:
		return belief{}
	}
	w := o.visit.watch()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.belief
}

// judgeResponse notes what the gate would have done when the portal had answered, and
// whether its visit is worth a question.
func (o *observation) judgeResponse(status int, h http.Header, changes []portal.Change) {
	if o.skip {
		return
	}
	x, b := o.shadow, o.belief()
	after := o.jar()
	traits := gate.Traits{
		Before: b.standing(), Credentials: x.credentials, Unsafe: x.unsafe, SignIn: x.signIn,
		Sets: counts(changes), Changes: after.Key() != x.jar.Key(),
		Redirect:    status >= 300 && status < 400 && status != http.StatusNotModified,
		WatchUnsafe: o.g.WatchUnsafe, Rotates: o.g.Rotates,
	}
	if x.asset && !b.standing().MayPass() {
		o.judgeAsset(status, h)
		return
	}
	if o.g.Identify != nil {
		o.identified(b)
		return
	}
	judged := gate.Judged(traits)
	if judged && !(after.Empty() && !x.carries && x.queried == "") {
		o.g.Book.Add(o.g.Realm, report.Waits, "after")
	}
	if o.stripped {
		o.g.Book.Add(o.g.Realm, report.Unasked, "the request carried a credential that the gate would strip")
		return
	}
	o.wonder(traits, status, h, after, judged)
}

// judgeAsset notes assets that a stranger would not get: the gate fetches them without
// credentials, and releases nothing but assets.
func (o *observation) judgeAsset(status int, h http.Header) {
	ok := (status == http.StatusOK || status == http.StatusPartialContent) && route.IsAssetType(h.Get("Content-Type"))
	if !ok && status != http.StatusNotModified && status != http.StatusNotFound {
		o.note(report.Refused, "looks like an asset, and is none")
	}
}

// wonder decides whether the visit is to be asked about, and what the question is about.
func (o *observation) wonder(t gate.Traits, status int, h http.Header, after *portal.Jar, judged bool) {
	x := o.shadow
	w := o.visit.watch()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.jar.full {
		return
	}
	token := o.g.Bearer.Header != "" && portal.SentToken(x.r.Header, o.g.Bearer.Header) != ""
	w.byHeader = w.byHeader || token || after.Empty() && (x.carries || x.queried != "")
	if w.byHeader && !x.carries && x.queried == "" {
		return
	}
	nobody := after.Empty() && !w.byHeader
	if nobody || status < 400 && x.any(o.g.Rules.SignOut) {
		o.signedOut(w)
		return
	}
	kind := o.signInKind(t)
	w.kind = min(w.kind, kind)
	w.convinced = w.convinced || kind < unseen && o.convincing(kind, t, status, h)
	if judged || w.belief.stale(after.Key(), o.g.Recheck, o.now) {
		w.wants = &basis{x: x, header: portal.Question(x.r.Header)}
		w.tries = 0
	}
}

// signInKind is how a sign-in by this request would be noticed.
func (o *observation) signInKind(t gate.Traits) signInKind {
	x := o.shadow
	switch {
	case x.any(o.g.Rules.SignIn):
		return byPath
	case route.HasParameter(x.r.URL.RawQuery, o.g.Rules.Fields):
		return byField
	case t.Unsafe:
		return byPost
	case t.Redirect || t.Changes:
		return byGet
	}
	return unseen
}

// convincing reports whether the response looks like that of a sign-in that succeeded:
// for portals where it would do harm to ask about somebody who is not signed in.
func (o *observation) convincing(kind signInKind, t gate.Traits, status int, h http.Header) bool {
	if kind == byGet || status >= 400 {
		return kind == byGet && t.Redirect && t.Changes && o.elsewhere(h)
	}
	if t.Redirect {
		return o.elsewhere(h)
	}
	return kind == byPath && strings.Contains(h.Get("Content-Type"), "json")
}

// elsewhere reports whether a redirect leads away from the sign-in, not back to it.
func (o *observation) elsewhere(h http.Header) bool {
	to, err := url.Parse(h.Get("Location"))
	if err != nil {
		return false
	}
	path := o.client.URL.ResolveReference(to).Path
	back := []string{o.client.URL.Path}
	for _, page := range []string{o.r.Header.Get("Referer"), o.g.Rules.SignInPage} {
		if u, err := url.Parse(page); err == nil && u.Path != "" {
			back = append(back, u.Path)
		}
	}
	// Many portals are one script: then the query has to differ.
	return !slices.Contains(back, path) || to.RawQuery != "" && to.RawQuery != o.client.URL.RawQuery && !strings.Contains(to.RawQuery, "login")
}

// signedOut takes a visit for nobody's without a question: it has no credentials any
// more, or the portal was asked to sign out. The caller holds w.mu.
func (o *observation) signedOut(w *watched) {
	if w.belief.kind == gate.User {
		o.g.Book.Add(o.g.Realm, report.SignOuts, "")
	}
	w.belief = belief{kind: gate.Anonymous, at: o.now}
	w.wants, w.kind, w.convinced = nil, unseen, false
}

// identified takes over who another authenticator found.
func (o *observation) identified(b belief) {
	w := o.visit.watch()
	w.mu.Lock()
	defer w.mu.Unlock()
	if b.kind != gate.User {
		o.g.Book.Add(o.g.Realm, report.Unknown, "the placeholder under `user` is empty")
		return
	}
	if w.belief.user != b.user {
		w.wants = &basis{named: b.user}
	}
}
