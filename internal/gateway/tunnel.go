package gateway

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// recheckAlways is how often a tunnel is asked about under `recheck 0`, which otherwise means
// with every request.
const recheckAlways = 10 * time.Second

// openTunnel registers a WebSocket or event stream with [visits.Tunnels], which closes it when
// its visit, clearance or configuration ends, and calls Ask every `recheck` (design rule G5).
func (x *exchange) openTunnel() (remove func()) {
	t := &visits.Tunnel{
		Gate: x.g.gate, Visit: x.visit, User: store.UserKey{Realm: x.g.Realm, ID: x.answer.User},
		Close: x.end.close, Policy: x.g.Session,
	}
	if x.before.Cleared {
		t.Standing = x.st
	}
	if !x.before.MayPass() || x.g.Identify != nil {
		return x.g.Visits.Tunnels.Add(t, x.now)
	}
	unfollow := x.followCookies()
	p := x.probe()
	t.Every = cmp.Or(x.g.Recheck, recheckAlways)
	t.Ask = func() {
		if !p.stillPasses() {
			t.Close()
		}
	}
	unlist := x.g.Visits.Tunnels.Add(t, x.now)
	return func() { unlist(); unfollow() }
}

// followCookies makes questions about the tunnel carry the cookies that it was opened with, as the
// portal has renewed them since, and no other cookies of the visit.
func (x *exchange) followCookies() (remove func()) {
	x.follows = newTunnelCookies(x.sent, x.jar)
	if x.visit == nil {
		return func() {}
	}
	return x.visit.Renewals.Follow(x.follows.follow)
}

// endTunnel takes the tunnel off the list.
func (x *exchange) endTunnel() {
	if x.closeTunnel != nil {
		x.closeTunnel()
	}
}

// probe returns a copy of the exchange for questions about the tunnel. They run beside the
// response of x, and the check of that response changes x.
func (x *exchange) probe() *exchange {
	p := &exchange{
		g: x.g, next: x.next, now: x.now, facts: x.facts, path: x.path, question: x.question,
		browser: x.browser, cookies: x.cookies, answer: x.answer, before: x.before,
	}
	p.version, p.kind, p.ground, p.end, p.follows = x.version, x.kind, x.ground, x.end, x.follows
	p.detach()
	return p
}

// stillPasses asks the portal whether the tunnel's cookies still belong to its user, and whether
// that user may pass. If the portal has renewed cookies, those that the tunnel was opened with
// must not belong to another user either.
func (x *exchange) stillPasses() bool {
	s := x.present()
	s.freshly, s.after = true, true
	if x.follows == nil {
		return false
	}
	now, first := x.follows.jars()
	s.jar = now
	ctx := context.WithoutCancel(x.facts.R.Context())
	a := x.askTunnel(ctx, s)
	if !x.namesUser(a) || first != nil && !x.firstPasses(ctx, s, first) {
		return false
	}
	if x.ground != nil {
		return !x.ground.Ended()
	}
	st, err := x.standingOf(ctx, a)
	present := x.g.Clock() // responses have set cookies since the tunnel was opened
	outlived := func(sealed time.Time) bool { return session.Outdated(sealed, x.sessionsEnded, present) }
	for _, jar := range []*portal.Jar{now, cmp.Or(first, now)} {
		if _, over := jar.Without(outlived); len(over) > 0 {
			return false
		}
	}
	return err == nil && st.MayPass()
}

// namesUser reports whether an answer names the tunnel's user.
func (x *exchange) namesUser(a *portal.Answer) bool {
	return a.Kind == gate.User && a.User == x.answer.User
}

// firstPasses asks about the cookies that the tunnel was opened with, if the portal has renewed
// some. They must be the user's or anonymous. Renewed cookies that outlive the browser are left
// out only if the portal knows the user by the others; otherwise one of them may be the session.
func (x *exchange) firstPasses(ctx context.Context, s subject, first *portal.Jar) bool {
	if session, old := x.follows.session(); session != nil && !s.carries {
		s.jar = session
		a := x.askTunnel(ctx, s)
		if a.Kind != gate.Anonymous && !x.namesUser(a) {
			return false
		}
		if a.Kind == gate.User {
			first = old
		}
	}
	s.jar = first
	a := x.ask(ctx, s)
	return a.Kind == gate.Anonymous || x.namesUser(a)
}

// askTunnel is ask for a tunnel, which has no response header for the cookies that questions set.
// They wait for the visit's next page, if the browser has the cookie that is replaced.
func (x *exchange) askTunnel(ctx context.Context, s subject) *portal.Answer {
	a := x.ask(ctx, s)
	if x.own && len(a.Changes) > 0 && a.Kind == gate.User {
		changes := slices.DeleteFunc(slices.Clone(a.Changes), func(ch portal.Change) bool { return !x.browserHas(ch) })
		for i := range changes {
			changes[i].Stamp = portal.Stamp{User: a.User, Site: x.g.Path}
		}
		x.visit.Hold(x.host, changes, x.follows.precedes)
		x.visit.Renewals.Tell(s.jar, a.Changes)
	}
	return a
}

// browserHas reports whether the browser's last request carried the tunnel's cookie that a change
// replaces, and not one of another session. It is true if that is not known.
func (x *exchange) browserHas(ch portal.Change) bool {
	o := x.visit.Opened.Load()
	if o == nil || o.By != x.g.number || o.Host != x.host {
		return true
	}
	return x.follows.has(o.Jar, ch)
}

// Hijacked implements [response.Exchange]. Bytes from the client make the visit unsettled,
// because the portal may sign a user in inside a frame. Bytes in both directions wait while
// another request of the visit may change who is signed in.
func (x *exchange) Hijacked(c net.Conn, brw *bufio.ReadWriter) (net.Conn, *bufio.ReadWriter) {
	if x.kind != gated || x.visit == nil || x.g.Identify != nil {
		return c, brw
	}
	t := &tunnelConn{Conn: c, in: brw.Reader, frames: newFrames(x)}
	return t, buffered(t)
}

// frames checks the bytes that pass through an open tunnel.
type frames struct {
	x *exchange
	// noted is when bytes of the client last made the visit unsettled, in Unix nanoseconds.
	noted atomic.Int64

	// turn is a lock: it is taken while bytes wait for a question. It is no mutex, because it is
	// held for seconds, and the wait for it must end with the tunnel.
	turn chan struct{}
	// proven is the visit's generation at the last question that was put in a settled visit and
	// showed that the user may pass. In this generation no further question is needed. asked is
	// when a question was last put.
	proven visits.Generation
	asked  time.Time
}

// newFrames returns the frames of a tunnel that x opens. If the visit was settled when x began,
// and nothing has changed that since, the answer about x itself is the proof.
func newFrames(x *exchange) *frames {
	f := &frames{x: x.probe(), turn: make(chan struct{}, 1)}
	if g := x.visit.Generation(); !x.beganUnsettled && !x.visit.Slow(x.now) && g.Begun == x.mark.Entered() && g.Before(x.now) {
		f.proven = g
	}
	return f
}

// noteEvery is how often bytes of the client make the visit unsettled anew, at most.
const noteEvery = 100 * time.Millisecond

// heard makes the visit unsettled, because the client has sent bytes.
func (f *frames) heard() {
	if f.x.g.Rotates || f.x.g.Settle <= 0 {
		return
	}
	now := f.x.g.Clock()
	if last := f.noted.Load(); now.UnixNano()-last > int64(noteEvery) {
		f.noted.Store(now.UnixNano())
		f.x.visit.Requests.BumpSignInEpoch()
		f.x.visit.SettleFrames(now, f.x.g.Settle)
	}
}

// maxHold bounds how long bytes of the client wait while a request is open: portals end tunnels
// that are silent for long. holdPoll is how often rest looks whether it is over.
const (
	maxHold  = 10 * time.Second
	holdPoll = 50 * time.Millisecond
)

// mayComeIn reports whether bytes of the client may go to the portal; if not, it ends the tunnel.
// If another request signs a user in meanwhile, the portal could treat the bytes as that user's. So
//
//  1. spaced and rest wait until the visit is settled and the next question may be put;
//  2. goesOn asks;
//  3. if a form began meanwhile, this is repeated, for maxHold at most.
func (f *frames) mayComeIn() bool {
	x := f.x
	for began := x.g.Clock(); ; {
		if !x.g.Rotates && !(f.spaced() && f.rest()) {
			return false
		}
		asked, ok := f.goesOn()
		if !ok {
			return false
		}
		if x.g.Rotates || x.visit.Generation() == asked && !x.visit.Requests.Changers(0) || x.g.Clock().Sub(began) >= maxHold {
			f.heard()
			return true
		}
	}
}

// spaced waits until the next question may be put, so that goesOn can ask as soon as rest
// returns. It returns false if the tunnel ends.
func (f *frames) spaced() bool {
	x := f.x
	select {
	case f.turn <- struct{}{}:
	case <-x.end.Done():
		return false
	}
	asked, proven := f.asked, f.proven
	<-f.turn
	d := x.g.Timing.Stream - x.g.Clock().Sub(asked)
	return d <= 0 || d > x.g.Timing.Stream || x.visit.Generation() == proven || x.pause(d)
}

// rest waits until no request may change who is signed in any more. If forms follow each other
// closely, it returns `settle` after the first moment at which none was open, and after maxHold
// in any case. It returns false if the tunnel ends.
func (f *frames) rest() bool {
	x := f.x
	var quiet time.Time
	for began := x.g.Clock(); ; {
		now := x.g.Clock()
		if quiet.IsZero() && !x.visit.Requests.Changers(0) {
			quiet = now
		}
		if !x.visit.Forming(now) || !quiet.IsZero() && now.Sub(quiet) >= x.g.Settle || now.Sub(began) >= maxHold {
			return true
		}
		if !x.pause(holdPoll) {
			return false
		}
	}
}

// mayGoOn reports whether bytes of the portal may go to the client; if not, it ends the tunnel.
// While a request may change who is signed in, and once afterwards, the portal is asked first. If
// the last question was put less than a second ago, the bytes wait.
func (f *frames) mayGoOn() bool {
	_, ok := f.goesOn()
	return ok
}

// goesOn does the work of mayGoOn and of mayComeIn. asked is the generation in which the question
// was put.
func (f *frames) goesOn() (asked visits.Generation, ok bool) {
	x := f.x
	ok = x.end.Err() == nil && !x.Lost()
	if ok && !x.g.Rotates {
		asked, ok = f.proves()
	}
	if !ok {
		x.end.cancel()
	}
	return asked, ok
}

// proves asks whether the tunnel's user may still pass, unless that is proven for the present
// generation. It returns the generation in which the question was put.
func (f *frames) proves() (asked visits.Generation, ok bool) {
	x := f.x
	select {
	case f.turn <- struct{}{}:
	case <-x.end.Done():
		return asked, false
	}
	defer func() { <-f.turn }()
	if g := x.visit.Generation(); g == f.proven {
		return g, true
	}
	if d := x.g.Timing.Stream - x.g.Clock().Sub(f.asked); d > 0 && d <= x.g.Timing.Stream && !x.pause(d) {
		return asked, false
	}
	now, settled := x.visit.Generation(), !x.visit.Formed(x.g.Clock())
	f.asked = x.g.Clock()
	if !x.stillPasses() {
		return now, false
	}
	if settled {
		f.proven = now
	}
	return now, true
}

// tunnelConn is the client's connection of a tunnel.
type tunnelConn struct {
	net.Conn
	// in has the bytes that arrived before the connection was handed over, and then the rest.
	in *bufio.Reader
	*frames
	// pace is used by Read only.
	pace pace
}

// Read reads from the client.
func (t *tunnelConn) Read(p []byte) (int, error) {
	clock := t.x.g.Clock
	if d := t.pace.until.Sub(clock()); d > 0 && !t.x.pause(d) {
		return 0, net.ErrClosed
	}
	n, err := t.next(p)
	began := clock()
	if n > 0 && !t.mayComeIn() {
		_ = t.Close()
		return 0, net.ErrClosed
	}
	return t.pace.split(p[:n], clock().Sub(began) >= holdPoll, clock()), err
}

// next reads what the client sent: first what Read kept back.
func (t *tunnelConn) next(p []byte) (int, error) {
	if len(t.pace.rest) == 0 {
		return t.in.Read(p)
	}
	n := copy(p, t.pace.rest)
	t.pace.rest = t.pace.rest[n:]
	return n, nil
}

// Write writes to the client.
func (t *tunnelConn) Write(p []byte) (int, error) {
	if !t.mayGoOn() {
		_ = t.Close()
		return 0, net.ErrClosed
	}
	return t.Conn.Write(p)
}

// Close ends the tunnel, and the waits of its frames.
func (t *tunnelConn) Close() error {
	t.x.end.cancel()
	return t.Conn.Close()
}

// CloseWrite lets the other side see the end of one direction.
func (t *tunnelConn) CloseWrite() error {
	if c, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}
