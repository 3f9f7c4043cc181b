package gateway

import (
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/session"
)

// badRequest says that a request is one that no honest client sends.
type badRequest struct{ error }

// open reads the cookies: whose visit this is, and what the portal's jar holds.
func (x *exchange) open() error {
	lines := x.r.Header["Cookie"]
	x.sent, x.jar = portal.EmptyJar, portal.EmptyJar
	x.st = &noStanding
	if len(lines) == 0 {
		return nil
	}
	if len(lines) == 1 && x.reopen(lines[0]) {
		return x.stand()
	}
	rc, err := portal.Read(lines, x.names, x.site, x.g.Leave)
	if err != nil {
		return badRequest{err}
	}
	x.g.dropped.note(x.g.Logger, rc.Dropped)
	x.g.Meter.Dropped(len(rc.Dropped))
	for _, name := range rc.Dropped {
		x.g.Book.Note(x.g.Realm, report.CookieDropped, name)
	}
	x.sent = rc.Unsealed()
	x.jar = x.sent
	if len(rc.Visit) != 1 {
		return nil // none, or several of which nobody knows the right one
	}
	token, ok := session.ParseToken(rc.Visit[0])
	if !ok {
		return nil
	}
	x.join(token)
	if err := x.stand(); err != nil || x.st.dead() {
		return err
	}
	x.sent, x.stale = rc.Open(x.visitKeys(), x.now, x.now.Add(-session.MaxCookieLife))
	x.jar = x.sent
	x.remember(lines)
	return nil
}

// noStanding is a stranger's. Nothing is ever written to it.
var noStanding standing

func (st *standing) dead() bool { return !st.died.IsZero() }

func (x *exchange) join(token session.Token) {
	x.visit = x.g.Visits.get(x.g.Realm, token.ID(), token)
	x.browser = true
}

// stand finds out what the visit's token is worth.
func (x *exchange) stand() error {
	st, err := x.g.Visits.standing(x.r.Context(), x.visit)
	if err != nil {
		return err
	}
	x.st = st
	return nil
}

// reopen takes what the visit's last request opened, if this one carries the very
// same header. That header was read in full then, and found to be this visit's.
func (x *exchange) reopen(header string) bool {
	v := x.g.Visits.known(x.g.Realm, findToken(header, x.names.Visit))
	if v == nil {
		return false
	}
	o := v.opened.Load()
	if o == nil || o.by != x.g.number || o.secure != x.client.Secure || o.site != x.site || o.header != header || !x.now.Before(o.until) {
		v.release()
		return false
	}
	v.used.Store(x.now.UnixNano())
	x.visit, x.browser = v, true
	x.sent, x.jar, x.stale = o.jar, o.jar, o.stale
	return true
}

// reopenFor bounds how long an opened header is taken for opened, reopenMax which are
// remembered at all, in bytes: honest ones are shorter, and thousands are kept. Those
// without anything sealed are a stranger's, and not worth it.
const (
	reopenFor = 10 * time.Minute
	reopenMax = 16 << 10
)

func (x *exchange) remember(lines []string) {
	if len(lines[0]) > reopenMax || !x.jar.Sealed() {
		return
	}
	until := x.now.Add(reopenFor)
	for _, c := range x.jar.Cookies() {
		if !c.Expires.IsZero() && c.Expires.Before(until) {
			until = c.Expires
		}
	}
	x.visit.opened.Store(&opened{
		by: x.g.number, header: lines[0], secure: x.client.Secure, site: x.site, jar: x.jar, stale: x.stale, until: until,
	})
}

// findToken looks for the visit's cookie in an unparsed header. It only finds where
// to look for what was read in full before; nothing is believed because of it.
func findToken(header, name string) session.Token {
	for rest := header; ; {
		i := strings.Index(rest, name)
		if i < 0 {
			return ""
		}
		start := i == 0 || rest[i-1] == ' ' || rest[i-1] == ';'
		rest = rest[i+len(name):]
		if !start || !strings.HasPrefix(rest, "=") {
			continue
		}
		value, _, _ := strings.Cut(rest[1:], ";")
		return session.Token(value)
	}
}

// visitKeys derives the visit's keys once per request that needs them.
func (x *exchange) visitKeys() *portal.VisitKeys {
	if x.keys == nil {
		x.keys = x.g.Sealer.Keys(x.site, string(x.visit.token))
	}
	return x.keys
}
