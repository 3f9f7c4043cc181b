package gateway

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
)

// badRequest is an error of the client, for example a malformed cookie. refuseError answers 400.
type badRequest struct{ error }

// cookies are the portal's cookies of one request, and what has changed of them.
type cookies struct {
	// sent is the jar as the browser sent it. jar has the changes that were taken since.
	sent, jar *portal.Jar
	// changes are those that the browser must get.
	changes []portal.Change
	// gone are cookies that were removed from jar. The browser is told to delete them.
	gone []portal.Cookie
	// stale are sealed cookies that did not open. The browser is told to delete them, too.
	stale []portal.Stale
	// since is when the sessions of the request's user, or of its visit, were ended; zero for
	// never. jar has no cookie from before that. writer seals new cookies with a time that is not
	// before since, so that they don't count as ended; see session.EndMargin.
	since time.Time
	// given is the jar that the browser has after the response's headers were sent; nil before.
	given *portal.Jar
}

// open finds the visit by its cookie, and opens the portal's cookies that were sealed in it.
// Without a visit cookie, or with several, the request has no visit, and only cookies that are
// never sealed are in its jar.
func (x *exchange) open() error {
	lines := x.facts.R.Header["Cookie"]
	x.sent, x.jar = portal.EmptyJar, portal.EmptyJar
	if len(lines) == 0 {
		return nil
	}
	if len(lines) == 1 && x.reopen(lines[0]) {
		x.takeHeld()
		return x.stand()
	}
	rc, err := portal.Read(lines, x.names, x.host, x.g.CookiePolicy)
	if err != nil {
		return badRequest{err}
	}
	x.g.events.CookiesDropped(rc.Dropped)
	x.sent = rc.Unsealed()
	x.jar = x.sent
	if len(rc.Visit) != 1 {
		return nil // none, or several, of which any may be the right one
	}
	token, ok := session.ParseToken(rc.Visit[0])
	if !ok {
		return nil
	}
	x.visit, x.own = x.g.Visits.Resume(x.g.Realm, token.ID(), token, x.g.settleTime()), true
	if err := x.stand(); err != nil || x.st.Revoked() {
		return err
	}
	x.sent, x.stale = rc.Open(x.visitKeys(), x.now, x.now.Add(-session.MaxCookieLife))
	x.jar = x.sent
	x.remember(lines)
	x.takeHeld()
	return nil
}

// takeHeld handles the request as if the browser had the changes that wait for the next
// page; see [visits.Visit.Hold].
func (x *exchange) takeHeld() {
	if held := x.visit.Held(x.host, x.sent); len(held) > 0 {
		x.jar = x.jar.Apply(held)
		x.changes = held
	}
}

// stand sets st, the state of the visit's token in the store: it has a clearance, it was revoked,
// or neither.
func (x *exchange) stand() error {
	st, err := x.g.Visits.Standing(x.facts.R.Context(), x.visit)
	if err != nil {
		return err
	}
	x.st = st
	return nil
}

// reopen reuses the jar that the visit's last request opened, if this request has the very same
// Cookie header. That header was parsed in full then, and found to be this visit's. If anything
// differs, reopen returns false, and open parses the header.
func (x *exchange) reopen(header string) bool {
	v := x.g.Visits.Known(x.g.Realm, findToken(header, x.names.Visit))
	if v == nil {
		return false
	}
	o := v.Opened.Load()
	if o == nil || o.By != x.g.number || o.Secure != x.facts.Client.Secure || o.Header != header || o.Host != x.host || !x.now.Before(o.Until) {
		v.Release()
		return false
	}
	v.Use(x.now)
	x.visit, x.own = v, true
	x.sent, x.jar, x.stale = o.Jar, o.Jar, o.Stale
	return true
}

// reopenFor bounds how long an opened header is reused. reopenMax bounds the length of those that
// are remembered, in bytes: thousands are, and honest ones are shorter.
const (
	reopenFor = 10 * time.Minute
	reopenMax = 16 << 10
)

// remember stores the opened header for reopen. It stores no header without sealed cookies: such a
// header is a stranger's and cheap to parse.
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
	x.visit.Opened.Store(&visits.Opened{
		By: x.g.number, Header: lines[0], Host: x.host, Secure: x.facts.Client.Secure, Jar: x.jar, Stale: x.stale, Until: until,
	})
}

// findToken finds the visit's cookie in an unparsed header. reopen uses the result only to find
// the header that it compares this one with; the result itself is not trusted.
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
		x.keys = x.g.Sealer.Keys(x.host, string(x.visit.Token))
	}
	return x.keys
}

// take applies cookie changes of a response or of a question to the jar, and adds them to the
// changes that the browser must get. They are stamped for user, the one that the answer names.
func (x *exchange) take(changes []portal.Change, user string) {
	if len(changes) == 0 {
		return
	}
	x.learn(changes)
	stamp := portal.Stamp{User: user, Site: x.g.Path}
	stamped := slices.Clone(changes)
	for i := range stamped {
		stamped[i].Stamp = stamp
	}
	x.jar = x.jar.Apply(stamped).Stamped(stamped, stamp)
	x.changes = append(x.changes[:len(x.changes):len(x.changes)], stamped...)
}

// fit removes the cookies that are stamped for another user; the browser is told to delete them.
// Cookies of another site of the host stay in the browser. It returns false if it removed any: the
// answer is then about other credentials than those that are left.
func (x *exchange) fit(user string) bool {
	fitting, gone, _ := x.jar.Fits(user, x.g.Path)
	if fitting == x.jar {
		return true
	}
	x.jar, x.gone = fitting, append(x.gone, gone...)
	return false
}

// writeCookies writes the cookies that the browser must get into h: those that changed, those to
// be deleted, and the visit's. Most responses have none.
//
//  1. The visit's open tunnels follow the changes (tunnelCookies.follow).
//  2. Changes that must not leave with this response wait in the visit (takeUnsealed). Those that
//     waited for this user leave with it.
//  3. The changes of an asset's response wait for the next page, because caches keep assets; so do
//     those of a late background request.
//  4. The others are sealed, in a new visit if the response starts one, and the response is made
//     unshareable.
func (x *exchange) writeCookies(h http.Header) {
	if x.kind == verbatim {
		return
	}
	if x.visit != nil {
		x.visit.Renewals.Tell(x.sent, x.changes)
	}
	if owed := x.takeUnsealed(); len(owed) > 0 {
		defer func() { // at the end, because the response may start the visit that they wait in
			if x.visit != nil {
				x.visit.HoldFor(x.host, owed)
			}
		}()
	} else if !x.withheld && x.own && !x.facts.Asset && x.before.MayPass() && x.visit.Holds() {
		x.deliverOwed(h)
	}
	if x.own && (x.facts.Asset || x.isLate()) {
		x.visit.Hold(x.host, x.changes, x.sent.Precedes) // the next page brings them
		return
	}
	mint := x.wantsVisit()
	if len(x.changes) == 0 && len(x.gone) == 0 && len(x.stale) == 0 && !mint {
		return
	}
	var lines []string
	replaced := x.replaced()
	if !x.own && !mint || replaced {
		lines = unsealed(x.changes)
	} else {
		lines = x.sealed(mint)
	}
	if len(lines) > 0 {
		h["Set-Cookie"] = append(h["Set-Cookie"], lines...)
		portal.Unshareable(h)
	}
	if x.own && !replaced {
		x.visit.Delivered(x.host, x.changes)
	}
	x.presume()
}

// replaced reports whether the visit's token was revoked while the portal answered: the browser
// has a fresh one, or the session was ended. Cookies that are sealed for the old token would
// bring it back.
func (x *exchange) replaced() bool {
	if !x.own || x.minted != "" {
		return false
	}
	st, err := x.g.Visits.Standing(context.WithoutCancel(x.facts.R.Context()), x.visit)
	return err == nil && st.Revoked()
}

// isLate reports whether the request may have been sent before the browser got its present cookies:
// a background request that carried a cookie of another user. Its response deletes and replaces no
// cookie by its name, which may be that of a later session; the next page does.
func (x *exchange) isLate() bool {
	return len(x.gone) > 0 && x.since.IsZero() && x.sessionsEnded.IsZero() && x.inBackground()
}

// inBackground reports whether a page sent the request without a look at its response: a script that
// signs a user in sends a form, and reads the response.
func (x *exchange) inBackground() bool {
	r := x.facts.R
	return !x.facts.Navigation() && (request.SafeMethod(r.Method) || request.First(r.Header, "Sec-Fetch-Mode") == "no-cors")
}

// holdLate is called with cookies that a question set after the response's headers were sent.
// They wait for the visit's next page. before is the jar that the question carried. They are for
// a browser that has the cookies of before, or those that this response gave it.
func (x *exchange) holdLate(before *portal.Jar, late []portal.Change) {
	if len(late) == 0 || x.visit == nil || !x.own && x.minted == "" {
		return
	}
	given := x.given
	x.visit.Renewals.Tell(before, late)
	x.visit.Hold(x.host, late, func(sent *portal.Jar, ch portal.Change) bool {
		return given.Precedes(sent, ch) || before.Precedes(sent, ch)
	})
}

// takeUnsealed removes from changes, and returns, the cookies that are never sealed and that the
// portal set for a user who does not get this response. They wait until that user passes.
func (x *exchange) takeUnsealed() (owed []portal.Change) {
	if !slices.ContainsFunc(x.changes, x.waits) {
		return nil
	}
	kept := make([]portal.Change, 0, len(x.changes))
	for _, c := range x.changes {
		if x.waits(c) {
			owed = append(owed, c)
		} else {
			kept = append(kept, c)
		}
	}
	x.changes = kept
	return owed
}

// waits reports whether a change must not leave with this response: the cookie is never sealed,
// and the response is withheld or goes to another user than the cookie is stamped for.
func (x *exchange) waits(c portal.Change) bool {
	if c.Class == portal.Sealed {
		return false
	}
	user := c.Stamp.User
	return x.withheld || user != "" && !(x.before.MayPass() && x.answer.User == user)
}

// dropUnsealed drops the changes of cookies that are never sealed. Withhold calls it where it is
// not known for which user the portal set them.
func (x *exchange) dropUnsealed() {
	x.changes = slices.DeleteFunc(slices.Clone(x.changes), func(c portal.Change) bool { return c.Class != portal.Sealed })
}

// deliverOwed writes the Set-Cookie lines that waited in the visit until this user may pass.
func (x *exchange) deliverOwed(h http.Header) {
	if lines := x.owedLines(); len(lines) > 0 {
		h["Set-Cookie"] = append(h["Set-Cookie"], lines...)
		portal.Unshareable(h)
	}
}

// owedLines takes the cookies that waited for this user out of the visit, and returns their
// Set-Cookie lines.
func (x *exchange) owedLines() []string {
	if !x.own {
		return nil
	}
	return unsealed(x.visit.TakeFor(x.host, x.answer.User))
}

// sealed returns the Set-Cookie lines for the browser's visit. With mint it starts the visit
// first.
func (x *exchange) sealed(mint bool) []string {
	w := x.writer(mint)
	var lines []string
	for _, s := range x.stale {
		lines = append(lines, w.Delete(s)...)
	}
	lines = append(lines, w.Forget(x.sent, x.gone)...)
	more, ok := w.Seal(x.sent, x.jar, x.changes)
	if !ok {
		x.g.events.CookieTooLong()
	}
	lines = append(lines, more...)
	if mint || slices.ContainsFunc(x.changes, persistent) {
		lines = append(lines, w.Visit(string(x.token()), x.jar.Ends()))
	}
	return lines
}

func persistent(c portal.Change) bool {
	return c.Class == portal.Sealed && !c.Delete && !c.Expires.IsZero()
}

// unsealed returns the Set-Cookie lines of the changes that are never sealed. It leaves the
// others out: without a visit there is no key to seal them.
func unsealed(changes []portal.Change) (lines []string) {
	for _, c := range changes {
		if c.Class != portal.Sealed {
			lines = append(lines, c.Line)
		}
	}
	return lines
}

// slowPage is how long a page may take that starts a visit although it sets no cookie. After a
// longer one, another page of the browser may have started a visit, which this one would replace.
const slowPage = 2 * time.Second

// wantsVisit reports whether the response starts a visit: one to a navigation does, and one that
// sets a cookie to be sealed. A cross-site request does not, because the browser may have a visit
// cookie that it did not send with it. Nor does a background request of a visit that is over, but
// for a sign-in: it may arrive after the user has signed in again, and would replace that visit.
func (x *exchange) wantsVisit() bool {
	late := x.over && !x.facts.Navigation() && !x.sendsSignIn()
	if x.own || x.foreign || late || x.kind == anonymously {
		return false
	}
	sets := slices.ContainsFunc(x.changes, func(c portal.Change) bool { return c.Class == portal.Sealed && !c.Delete })
	page := x.facts.Navigation() && x.took() < slowPage
	return (sets || page) && !x.facts.CrossSite()
}

// writer returns the [portal.Writer] of the browser's visit. With mint it starts a new visit first.
func (x *exchange) writer(mint bool) *portal.Writer {
	if mint {
		x.mint(session.NewToken())
		x.sent = portal.EmptyJar
	}
	now := x.now
	if x.since.After(now) && !x.since.After(session.After(now)) {
		now = x.since
	}
	return &portal.Writer{Keys: x.visitKeys(), Names: x.names, Now: now, MaxLife: session.MaxCookieLife}
}

// token is the token of the visit that the browser has after this response.
func (x *exchange) token() session.Token {
	if x.minted != "" {
		return x.minted
	}
	return x.visit.Token
}

// setCookie replaces the Cookie header.
func setCookie(h http.Header, value string) {
	if value == "" {
		delete(h, "Cookie")
		return
	}
	if lines := h["Cookie"]; len(lines) == 1 {
		lines[0] = value
		return
	}
	h["Cookie"] = []string{value}
}

// holdsAll reports whether have contains every element of want; both are sorted.
func holdsAll(have, want []uint64) bool {
	for _, w := range want {
		if _, ok := slices.BinarySearch(have, w); !ok {
			return false
		}
	}
	return true
}
