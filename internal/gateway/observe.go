package gateway

import (
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/web"
)

// observer carries the requests of a site in `mode observe`.
//
// Its one invariant: portal and browser meet as if nobody stood between them, but for
// the visit's own cookie, which the portal never sees. Whatever fails in here, the
// request goes on; and nothing that it knows is ever asked by a gate in `mode enforce`.
type observer struct {
	g *Gateway
	asking
}

func newObserver(g *Gateway) *observer { return &observer{g: g, asking: newAsking()} }

// observation is one request in `mode observe`.
type observation struct {
	*observer
	r      *http.Request
	rw     http.ResponseWriter
	client Client
	next   Next
	now    time.Time
	names  *portal.Names
	site   string // as of exchange

	plain *portal.Plain
	// token and visit are the browser's; a stranger has none until the response.
	token session.Token
	visit *visit
	keys  *portal.VisitKeys
	// opened are cookies that an earlier `mode enforce` sealed, stale those that do not
	// open; redeemed are offers that the request went out with.
	opened   *portal.Jar
	stale    []portal.Stale
	redeemed []portal.Cookie

	// shadow is the request as the gate would have it: a copy, which is never forwarded.
	shadow *exchange
	// skip: the gate would not have judged it (`trust`, `deny`, what is malformed).
	skip bool
	// stripped: the gate would have taken a credential out of it.
	stripped bool
}

func (ob *observer) serve(w http.ResponseWriter, r *http.Request, c Client, next Next) error {
	if web.AsksHealth(ob.g.Path, c.URL.Path) {
		ob.g.Pages.ServeHTTP(w, r, &web.Visitor{Host: hostname(r.Host), Secure: c.Secure, Address: c.Address, Agent: r.UserAgent()})
		return nil
	}
	o := &observation{
		observer: ob, r: r, rw: w, client: c, next: next, now: ob.g.Clock(),
		names: ob.g.names.For(c.Secure), site: r.Host, opened: portal.EmptyJar,
	}
	o.guard(o.arrive)
	defer o.guard(o.depart)
	ow := &observedWriter{o: o, rw: w}
	err := next.ServeHTTP(ow, r)
	if err == nil {
		ow.respond(http.StatusOK) // nothing was written: the server answers so
	}
	return err
}

// guard runs what is not the portal's affair: a panic in it must not cost the request.
func (o *observation) guard(fn func()) {
	defer func() {
		if p := recover(); p != nil {
			o.g.Logger.Error("observing a request panicked; it was forwarded all the same", zap.Any("panic", p), zap.Stack("stack"))
		}
	}()
	fn()
}

// arrive takes what is ours out of the request, and judges the rest in shadow.
func (o *observation) arrive() {
	o.shadow = o.copy()
	lines := o.r.Header["Cookie"]
	o.plain = portal.ReadPlain(lines, o.names, o.site)
	if o.plain.Own() {
		setCookie(o.r.Header, portal.PairHeader(o.plain.Pairs)) // whatever comes: the portal never sees ours
	}
	if len(o.plain.Visits) == 1 {
		if token, ok := session.ParseToken(o.plain.Visits[0]); ok {
			o.join(token)
		}
	}
	o.meet()
	o.g.Book.Add(o.g.Realm, report.Requests, "observe")
	o.guard(func() { o.judgeRequest(lines) })
}

// join finds the visit, and opens what was sealed for it. A token that was rotated away
// opens nothing; where that can't be known, the session is worth more than the doubt.
func (o *observation) join(token session.Token) {
	v := o.g.Visits.get(o.g.Realm, token.ID(), token)
	if o.plain.Sealed() {
		if st, err := o.g.Visits.standing(o.r.Context(), v); err == nil && st.dead() {
			v.release()
			return
		}
		o.opened, o.stale = o.plain.Open(o.visitKeys(token), o.now, o.now.Add(-session.MaxCookieLife))
	}
	o.token, o.visit = token, v
}

func (o *observation) visitKeys(token session.Token) *portal.VisitKeys {
	if o.keys == nil {
		o.keys = o.g.Sealer.Keys(o.site, string(token))
	}
	return o.keys
}

// meet puts what was sealed into the request in the clear, redeems offers, and notes
// which cookies the browser has.
func (o *observation) meet() {
	if o.visit == nil {
		return
	}
	w := o.visit.watch()
	w.mu.Lock()
	defer w.mu.Unlock()
	pairs := o.unsealed(w)
	o.redeemed = w.redeem(pairs)
	if len(o.opened.Given()) > 0 || len(o.redeemed) > 0 {
		setCookie(o.r.Header, portal.PairHeader(pairs))
	}
	w.begin(pairs, o.opened, o.g.Leave)
	strange := w.jar.sync(pairs, o.client.URL.Path, !o.foreign(), o.now)
	for _, name := range strange {
		if o.g.Leave.Class(name) == portal.Sealed && !slices.Contains(w.before, name) {
			o.g.Book.Add(o.g.Realm, report.CookieDropped, name)
		}
	}
	w.covered = w.covered || o.covers(o.client.URL.Path)
	w.running[o] = time.Now()
}

// unsealed are the cookies that the portal gets: those that were sealed, and the others
// but for older ones of the same name.
func (o *observation) unsealed(w *watched) []portal.Pair {
	pairs := o.opened.For(o.r.URL.Path)
	for _, p := range o.plain.Pairs {
		newer := slices.ContainsFunc(o.opened.Given(), func(c portal.Cookie) bool {
			return c.Name == p.Name && !w.jar.setSince(c.Name, c.Path, c.Sealed)
		})
		if newer {
			continue
		}
		pairs = slices.DeleteFunc(pairs, func(q portal.Pair) bool { return q.Name == p.Name })
		pairs = append(pairs, p)
	}
	return pairs
}

// begin notes what the first request of the visit carried.
func (w *watched) begin(pairs []portal.Pair, opened *portal.Jar, leave *portal.Leave) {
	for _, c := range opened.Given() {
		if !w.jar.setSince(c.Name, c.Path, c.Sealed.Add(-1)) {
			w.jar.set(portal.Change{Cookie: c}, c.Sealed)
		}
	}
	if w.begun {
		return
	}
	w.begun, w.clean = true, true
	for _, p := range pairs {
		if !opened.HasName(p.Name) {
			w.before = append(w.before, p.Name)
			w.clean = w.clean && leave.Class(p.Name) != portal.Sealed
		}
	}
}

// foreign reports whether the browser may have kept cookies back.
func (o *observation) foreign() bool {
	return o.shadow.crossSite() || o.r.Header.Get("Sec-Fetch-Site") == "cross-site"
}

// depart ends the request: its visit may now be asked about.
func (o *observation) depart() {
	if o.visit == nil {
		return
	}
	defer o.visit.release()
	w := o.visit.watch()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.running, o)
	if w.wants != nil {
		o.arm(o.visit, w)
	}
}

// copy is the request for the shadow: whatever is taken out of it stays in the real one.
func (o *observation) copy() *exchange {
	r := o.r.Clone(o.r.Context())
	if r.ProtoMajor >= 2 && r.ContentLength < 0 && safeMethod(r.Method) {
		r.ContentLength = 0 // most likely: see findBody, which waits for it
	}
	c := o.client
	if c.URL == o.r.URL {
		c.URL = r.URL
	} else {
		u := *c.URL
		c.URL = &u
	}
	x := &exchange{g: o.g, r: r, client: c, next: o.next, now: o.now, names: o.names, site: o.site, st: &noStanding}
	x.sent, x.jar = portal.EmptyJar, portal.EmptyJar
	x.rw = &responseWriter{x: x}
	return x
}
