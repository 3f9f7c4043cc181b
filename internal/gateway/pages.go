package gateway

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/web"
)

// servePages answers a request for an own page: it finds out who is there, as for
// the portal, and leaves the rest to package web.
func (x *exchange) servePages() error {
	if x.r.URL != x.client.URL {
		r := *x.r
		r.URL = x.client.URL
		x.r = &r
	}
	if x.g.Pages.Impersonal(x.r.URL.Path) {
		x.g.Pages.ServeHTTP(x.rw.rw, x.r, x.visitor())
		return nil
	}
	if connectionNames(x.r.Header) {
		return x.refuseStatus(http.StatusBadRequest)
	}
	if err := x.open(); err != nil {
		return x.refuseError(err)
	}
	if x.st.dead() && x.straggles() {
		x.redirect(x.client.URL.RequestURI()) // by GET: a code is not sent twice
		return nil
	}
	x.classifyPage()
	if err := x.enter(); errors.Is(err, errMoved) {
		x.redirect(x.client.URL.RequestURI()) // as above
		return nil
	} else if err != nil {
		return x.refuseError(err)
	}
	if err := x.identifyBefore(); err != nil {
		return x.refuseError(err)
	}
	if x.before.Answer == gate.Unknown {
		return x.refuse(gate.Refuse)
	}
	x.cookies(x.rw.rw.Header())
	x.g.Pages.ServeHTTP(x.rw.rw, x.r, x.visitor())
	return nil
}

// classifyPage is classify for an own page: nothing of it reaches the portal but
// the question who is there.
func (x *exchange) classifyPage() {
	x.findBody()
	x.unsafe = !safeMethod(x.r.Method) || hasBody(x.r)
	x.queried = x.declaredQueries()
	x.key, x.carries = x.takeKey(x.r)
	x.credentials = x.hasCredentials()
	if x.visit == nil && x.credentials {
		x.joinNameless()
	}
}

// visitor is who stands before an own page.
func (x *exchange) visitor() *web.Visitor {
	v := &web.Visitor{
		Host: hostname(x.r.Host), Secure: x.client.Secure,
		Address: x.client.Address, Agent: x.r.UserAgent(),
		Owes: x.before.Owes(), Visit: (*visitActs)(x),
	}
	if x.before.Answer == gate.User {
		v.User, v.Name, v.Email = x.answer.User, x.answer.Name, x.answer.Email
	}
	if x.browser {
		v.ID = x.visit.key.id
	}
	if x.before.Cleared {
		v.Clearance = x.st.clearance
	}
	return v
}

func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}

// visitActs is what the pages may do to the visit; see web.Visit.
type visitActs exchange

// Rotate prepares a clearance under a fresh token.
func (v *visitActs) Rotate() web.Rotation {
	return &rotation{x: (*exchange)(v), token: session.NewToken()}
}

// End ends the clearance and takes the visit out of the browser.
func (v *visitActs) End(w http.ResponseWriter, r *http.Request) error {
	x := (*exchange)(v)
	if !x.browser {
		return nil
	}
	if c := x.st.clearance; c != nil {
		x.st.ended.Store(true)
		if err := x.g.Visits.endClearance(context.WithoutCancel(r.Context()), x.visit, x.event(store.EventSignedOut, c.User, "")); err != nil {
			return err
		}
	}
	x.dropOwnLines(w.Header())
	wr := x.writer(false)
	lines := wr.Forget(x.sent, x.sent.Cookies())
	for _, s := range x.stale {
		lines = append(lines, wr.Delete(s)...)
	}
	w.Header()["Set-Cookie"] = append(w.Header()["Set-Cookie"], append(lines, wr.EndVisit())...)
	return nil
}

// EndOthers forgets clearances whose records a committed transaction removed.
func (v *visitActs) EndOthers(ids []store.VisitID) {
	v.g.Visits.End(v.g.Realm, ids...)
}

// Changed closes what the user had open without a clearance: now one may be owed.
func (v *visitActs) Changed() {
	v.g.Visits.tunnels.closeUnproven(store.UserKey{Realm: v.g.Realm, ID: v.answer.User})
}

// rotation moves the visit to a fresh token; see web.Rotation.
type rotation struct {
	x     *exchange
	token session.Token
}

// Visit is the new clearance's id.
func (t *rotation) Visit() store.VisitID { return t.token.ID() }

// Grant writes the clearance in the transaction that spends the code.
func (t *rotation) Grant(tx store.Tx, factor string) error {
	x := t.x
	g := session.Grant{
		Realm: x.g.Realm, User: x.answer.User, Factor: factor, New: t.token.ID(), Now: x.now.UTC(),
		Address: x.client.Address, Agent: x.r.UserAgent(), Binds: x.jar.Binds(),
	}
	if x.browser {
		g.Old = x.visit.key.id
	}
	return x.g.Session.Write(tx, g)
}

// Commit seals the jar for the fresh token and deletes what was sealed for the old.
func (t *rotation) Commit(w http.ResponseWriter) {
	x := t.x
	h := w.Header()
	x.dropOwnLines(h)
	old := x.sent
	var lines []string
	if x.browser {
		wr := x.writer(false)
		lines = wr.Forget(old, old.Cookies())
		for _, s := range x.stale {
			lines = append(lines, wr.Delete(s)...)
		}
		x.g.Visits.forget(x.g.Realm, x.visit.key.id)
	}
	x.minted, x.keys = t.token, x.g.Sealer.Keys(x.site, string(t.token))
	wr := x.writer(false)
	lines = append(lines, wr.All(x.jar)...)
	lines = append(lines, wr.Visit(string(t.token), x.jar.Ends()))
	h["Set-Cookie"] = append(h["Set-Cookie"], lines...)
}

// dropOwnLines takes back what was set for the visit before it moved or ended.
func (x *exchange) dropOwnLines(h http.Header) {
	lines := h["Set-Cookie"]
	keep := lines[:0:0]
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "=")
		if !x.names.OfVisit(name) {
			keep = append(keep, line)
		}
	}
	h["Set-Cookie"] = keep
}
