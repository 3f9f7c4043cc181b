package gateway

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages"
)

// servePages handles a request for an own page. It finds out which user sent it, as for a request
// to the portal; package userpages does the rest.
func (x *exchange) servePages() error {
	if x.facts.R.URL != x.facts.Client.URL {
		r := *x.facts.R
		r.URL = x.facts.Client.URL
		x.facts.R = &r
	}
	if x.g.Pages.Impersonal(x.facts.R.URL.Path) {
		x.g.Pages.ServeHTTP(x.rw, x.facts.R, x.visitor())
		return nil
	}
	if request.ConnectionNames(x.facts.R.Header) {
		return x.refuseStatus(http.StatusBadRequest)
	}
	if err := x.open(); err != nil {
		return x.refuseError(err)
	}
	if x.st.Revoked() && x.justRevoked() {
		x.st.Retries.Again(x.facts.R)
		x.redirect(x.facts.Client.URL.RequestURI()) // by GET: a code is not sent twice
		return nil
	}
	request.FindBody(x.rw, x.facts.R)
	x.facts.ClassifyPage()
	x.path, x.ownPage = x.facts.R.URL.Path, true
	if x.visit == nil && x.hasCredentials() {
		x.joinNameless()
	}
	if err := x.enter(); errors.Is(err, errMoved) {
		x.redirect(x.facts.Client.URL.RequestURI()) // as above
		return nil
	} else if err != nil {
		return x.refuseError(err)
	}
	// A question with more than cookies may sign a user in, as a request for the portal may.
	if x.facts.Carries && !x.exclusive {
		if err := x.begin(); err != nil {
			return x.refuseError(err)
		}
	}
	if err := x.identifyBefore(); err != nil {
		return x.refuseError(err)
	}
	if x.before.Answer == gate.Unknown {
		return x.refuse(gate.Refuse)
	}
	x.writeCookies(x.rw.Header())
	x.g.Pages.ServeHTTP(x.rw, x.facts.R, x.visitor())
	return nil
}

// visitor is the user of an own page.
func (x *exchange) visitor() *userpages.Visitor {
	v := &userpages.Visitor{
		Host: hostname(x.facts.R.Host), Secure: x.facts.Client.Secure,
		Address: x.facts.Client.Address, Agent: x.facts.R.UserAgent(),
		Owes: x.before.Owes(), Visit: (*visitActs)(x),
	}
	if x.before.Answer == gate.User {
		v.User, v.Name, v.Email = x.answer.User, x.answer.Name, x.answer.Email
	}
	if x.own {
		v.ID = x.visit.ID.Visit
	}
	if x.before.Cleared {
		v.Clearance = x.st.Clearance
	}
	return v
}

func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}

// visitActs implements userpages.Visit: what an own page may do to the visit.
type visitActs exchange

// Rotate prepares a clearance under a fresh token.
func (v *visitActs) Rotate() userpages.Rotation {
	return &rotation{x: (*exchange)(v), token: session.NewToken()}
}

// End ends the session, and removes the visit and its cookies from the browser. Without a
// clearance it writes nothing to the store, because strangers must not write there.
func (v *visitActs) End(w http.ResponseWriter, r *http.Request) error {
	x := (*exchange)(v)
	if !x.own {
		return nil
	}
	if c := x.st.Clearance; c != nil {
		x.st.End()
		if err := x.g.Visits.EndSession(context.WithoutCancel(r.Context()), x.visit, x.g.events.Event(store.EventSignedOut, x.about(c.User), "")); err != nil {
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

// EndOthers drops clearances from memory that a committed transaction removed from the store.
func (v *visitActs) EndOthers(ids []store.VisitID) {
	v.g.Visits.End(v.g.Realm, ids...)
}

// Changed closes the tunnels that the user opened without a clearance, because the user may owe
// one now.
func (v *visitActs) Changed() {
	v.g.Visits.Tunnels.CloseUnproven(store.UserKey{Realm: v.g.Realm, ID: v.answer.User})
}

// rotation moves the visit to a fresh token; see userpages.Rotation.
type rotation struct {
	x     *exchange
	token session.Token
}

// Visit is the new clearance's id.
func (t *rotation) Visit() store.VisitID { return t.token.ID() }

// Grant writes the clearance in the transaction that spends the code.
func (t *rotation) Grant(tx store.Tx, factor string) error {
	if err := t.stillGood(tx); err != nil {
		return err
	}
	return t.x.g.Session.Write(tx, t.grant(factor))
}

// stillGood returns store.ErrSpent if the user's sessions were ended after the request was found
// to be the user's: a code must not bring a session back. A visit with a clearance needs no
// check, because the end of its session has left a tombstone for its token.
func (t *rotation) stillGood(tx store.Tx) error {
	if t.x.before.Cleared {
		return nil
	}
	u, err := tx.User()
	if err == nil && !u.SessionsEnded.Equal(t.x.sessionsEnded) {
		return store.ErrSpent
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Move moves the visit without a code; see session.Move.
func (t *rotation) Move(tx store.Tx, keep bool) error {
	return session.Move(tx, t.grant(""), keep)
}

func (t *rotation) grant(factor string) session.Grant {
	x := t.x
	g := session.Grant{
		Realm: x.g.Realm, User: x.answer.User, Factor: factor, New: t.token.ID(), Now: x.now.UTC(),
		Address: x.facts.Client.Address, Agent: x.facts.R.UserAgent(), Binds: x.jar.Binds(x.host, x.g.Path),
	}
	if x.own {
		g.Old = x.visit.ID.Visit
	}
	return g
}

// Commit moves the browser to the fresh token: the Set-Cookie lines for the old visit are
// dropped, its sealed cookies deleted, and all cookies sealed for the fresh token, also those of
// other sites.
func (t *rotation) Commit(w http.ResponseWriter) {
	x := t.x
	h := w.Header()
	x.dropOwnLines(h)
	old, owed := x.sent, x.owedLines()
	_, _, elsewhere := old.Fits(x.answer.User, x.g.Path) // other sites' cookies move, too
	var lines []string
	if x.own {
		wr := x.writer(false)
		lines = wr.Forget(old, old.Cookies())
		for _, s := range x.stale {
			lines = append(lines, wr.Delete(s)...)
		}
		x.g.Visits.Forget(x.g.Realm, x.visit.ID.Visit)
		x.g.Visits.Move(x.visit, t.token)
		x.minted, x.keys = t.token, x.g.Sealer.Keys(x.host, string(t.token))
	} else {
		x.mint(t.token)
	}
	wr := x.writer(false)
	wr.Now = session.After(x.g.Clock()) // after what the same transaction may have ended
	lines = append(lines, wr.All(x.jar.With(elsewhere))...)
	lines = append(append(lines, owed...), wr.Visit(string(t.token), x.jar.Ends()))
	h["Set-Cookie"] = append(h["Set-Cookie"], lines...)
}

// dropOwnLines removes the Set-Cookie lines that were written for the visit before it moved or
// ended.
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
