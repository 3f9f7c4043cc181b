package observe

import (
	"net/http"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/session"
)

// observation is one request in `mode observe`, and its response.
type observation struct {
	*Observer
	// r is the request as it is forwarded, host the site that the browser addressed.
	r      *http.Request
	rw     http.ResponseWriter
	client request.Client
	next   Next
	now    time.Time
	host   string
	names  *portal.Names

	// plain are the cookies as the browser sent them.
	plain *portal.Plain
	// visit is nil before the browser has one. state is the visit's, or a new one.
	visit *visits.Visit
	state *state
	// opened are cookies that an earlier `mode enforce` sealed. stale are sealed cookies that do
	// not open.
	opened *portal.Jar
	stale  []portal.Stale
	// substituted are the new values that the request is forwarded with; see jar.substitute.
	substituted []portal.Cookie

	// facts are about a copy of the request, which is never forwarded: what a gate would
	// take out of the request is taken out of the copy. jar is the browser's credentials.
	facts request.Facts
	jar   *portal.Jar
	// exempt requests are not examined: `mode enforce` would have refused them by their form or
	// by `deny`, or forwarded them by `trust`.
	exempt bool
	// body is the request's, which the portal reads; nil for none.
	body *request.Copied
	// stripped says that the gate would have removed a credential from the request.
	stripped bool
}

// arrive removes Secondgate's cookies from the request, and examines the rest.
func (o *observation) arrive() {
	o.copyRequest()
	if o.r.Body != nil && o.r.Body != http.NoBody {
		o.body = &request.Copied{ReadCloser: o.r.Body}
		o.r.Body = o.body
	}
	o.plain = portal.ReadPlain(o.r.Header["Cookie"], o.names, o.host)
	if o.plain.Own() {
		o.setCookies(o.plain.Pairs) // before any step that can fail: the portal must never see them
	}
	if len(o.plain.Visits) == 1 {
		if token, ok := session.ParseToken(o.plain.Visits[0]); ok {
			o.join(token)
		}
	}
	o.begin()
	o.count(report.Requests, "observe")
	o.guard(o.compareRequest)
}

// copyRequest makes the copy that the facts are about.
func (o *observation) copyRequest() {
	r, u := o.r.Clone(o.r.Context()), *o.client.URL
	if r.ProtoMajor >= 2 && r.ContentLength < 0 && request.SafeMethod(r.Method) {
		r.ContentLength = 0 // most likely; request.FindBody would have to read from the body
	}
	o.facts.R, o.facts.Client = r, o.client
	o.facts.Client.URL = &u
}

// join finds the browser's visit and opens the cookies that were sealed for it. A revoked token
// opens none. If the store can't say whether the token was revoked, the cookies are opened:
// `mode observe` protects nothing, and must not end a session.
func (o *observation) join(token session.Token) {
	v := o.Visits.Get(o.Realm, token.ID(), token)
	if o.plain.Sealed() {
		if st, err := o.Visits.Standing(o.r.Context(), v); err == nil && st.Revoked() {
			v.Release()
			return
		}
		o.opened, o.stale = o.plain.Open(o.Sealer.Keys(o.host, string(token)), o.now, o.now.Add(-session.MaxCookieLife))
		o.opened = o.opened.Of(o.Site.Path) // another site of the host may be enforced
	}
	o.visit, o.state = v, stateOf(v, o.state)
}

// begin adds opened cookies and undelivered values to the request, and records the browser's
// cookies in the visit's state.
func (o *observation) begin() {
	s, path := o.state, o.client.URL.Path
	s.mu.Lock()
	defer s.mu.Unlock()
	pairs := o.withOpened()
	if o.substituted = s.jar.substitute(pairs); len(o.opened.Given()) > 0 || len(o.substituted) > 0 {
		o.setCookies(pairs)
	}
	for _, c := range o.opened.Given() {
		if at := o.sealed(c); !s.jar.setSince(c.Name, c.Path, at.Add(-1)) {
			s.jar.set(portal.Change{Cookie: c}, at)
		}
	}
	unknown := s.jar.sent(pairs, path, !o.partial(), o.now)
	unknown = slices.DeleteFunc(unknown, func(name string) bool { return o.CookiePolicy.Class(name) != portal.Sealed })
	if s.running == nil {
		s.running, s.before = make(map[*observation]time.Time), unknown
	}
	for _, name := range unknown {
		if !slices.Contains(s.before, name) {
			o.count(report.CookieDropped, name)
		}
	}
	s.covered = s.covered || o.covers(path)
	s.running[o] = time.Now()
}

// sealed is when a cookie was sealed, at the latest now: where sessions ended, those that
// go on are sealed for a moment later (see session.After).
func (o *observation) sealed(c portal.Cookie) time.Time {
	if c.Sealed.After(o.now) {
		return o.now
	}
	return c.Sealed
}

// withOpened are the cookies that the portal gets: the opened ones and the browser's
// others. Of one name, the one that was set later counts.
func (o *observation) withOpened() []portal.Pair {
	pairs := o.opened.For(o.r.URL.Path)
	for _, p := range o.plain.Pairs {
		outdated := slices.ContainsFunc(o.opened.Given(), func(c portal.Cookie) bool {
			return c.Name == p.Name && !o.state.jar.setSince(c.Name, c.Path, o.sealed(c))
		})
		if !outdated {
			pairs = slices.DeleteFunc(pairs, func(q portal.Pair) bool { return q.Raw == "" && q.Name == p.Name })
			pairs = append(pairs, p)
		}
	}
	return pairs
}

// partial reports whether the browser may have left out cookies: another site caused the
// request, or a script at another host of the same site.
func (o *observation) partial() bool {
	site := o.r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site" && !o.facts.Navigation() || o.facts.CrossSite()
}

// setCookies replaces the Cookie header of the request that is forwarded.
func (o *observation) setCookies(pairs []portal.Pair) {
	delete(o.r.Header, "Cookie")
	if header := portal.PairHeader(pairs); header != "" {
		o.r.Header["Cookie"] = []string{header}
	}
}

// depart records that the request has ended. The portal may then be asked about its visit.
func (o *observation) depart() {
	if o.visit == nil {
		return
	}
	defer o.visit.Release()
	o.state.mu.Lock()
	defer o.state.mu.Unlock()
	delete(o.state.running, o)
	if o.state.pending != nil {
		o.schedule(o.visit, o.state)
	}
}
