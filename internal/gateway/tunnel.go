package gateway

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/store"
)

// openTunnel registers a WebSocket or event stream, to be closed with what it stands on,
// and asked about again every `recheck` (design rule G5).
func (x *exchange) openTunnel() (remove func()) {
	t := &visits.Tunnel{
		Realm: x.g.Realm, Visit: x.visit, User: store.UserKey{Realm: x.g.Realm, ID: x.answer.User},
		Close: x.end.cancel, Policy: x.g.Session,
	}
	if x.before.Cleared {
		t.Standing = x.st
	}
	if x.before.MayPass() && x.g.Identify == nil && x.g.Recheck > 0 {
		p := x.probe()
		t.Every = x.g.Recheck
		t.Ask = func() {
			if !p.stillPasses() {
				t.Close()
			}
		}
	}
	return x.g.Visits.Tunnels.Add(t, x.now)
}

// endTunnel takes the tunnel off the list.
func (x *exchange) endTunnel() {
	if x.closeTunnel != nil {
		x.closeTunnel()
	}
}

// probe returns an exchange for questions beside the response of x, which a check of the
// response changes: what is known of the request now, and the ground that x stands on.
func (x *exchange) probe() *exchange {
	p := &exchange{
		g: x.g, next: x.next, now: x.now, facts: x.facts, path: x.path, question: x.question,
		browser: x.browser, cookies: x.cookies, answer: x.answer, before: x.before,
	}
	p.version, p.kind, p.ground, p.end = x.version, x.kind, x.ground, x.end
	p.detach()
	return p
}

// stillPasses asks the portal whether the visit's newest cookies are still the user's, and
// whether the user may pass.
func (x *exchange) stillPasses() bool {
	s := x.present()
	if o := x.visit.Opened.Load(); o != nil && o.By == x.g.number && o.Host == x.host {
		s.jar = o.Jar.Apply(x.visit.Held())
	}
	s.freshly, s.after = true, true
	ctx := context.WithoutCancel(x.facts.R.Context())
	a := x.askTunnel(ctx, s)
	if a.Kind != gate.User || a.User != x.answer.User {
		return false
	}
	if x.ground != nil {
		return !x.ground.Ended()
	}
	st, err := x.standingOf(ctx, a)
	if _, over := s.jar.Without(x.outlived); len(over) > 0 {
		return false
	}
	return err == nil && st.MayPass()
}

// askTunnel is ask; what the questions set waits for the visit's next page.
func (x *exchange) askTunnel(ctx context.Context, s subject) *portal.Answer {
	a := x.ask(ctx, s)
	if x.own && len(a.Changes) > 0 && a.Kind == gate.User {
		for i := range a.Changes {
			a.Changes[i].Stamp = portal.Stamp{User: a.User}
		}
		x.visit.Hold(a.Changes)
	}
	return a
}

// Hijacked implements [response.Exchange]: bytes from the client make the visit unsettled,
// because the portal may sign a user in inside a frame; bytes from the portal wait while
// another request of the visit may change who is signed in.
func (x *exchange) Hijacked(c net.Conn) net.Conn {
	if x.kind != gated || x.visit == nil || x.g.Identify != nil {
		return c
	}
	return &tunnelConn{Conn: c, frames: newFrames(x)}
}

// frames are what goes through an open tunnel.
type frames struct {
	x *exchange
	// noted is when bytes of the client last made the visit unsettled, in Unix nanoseconds.
	noted atomic.Int64

	// mu is held while what the portal sends waits for a question.
	mu sync.Mutex
	// proven is how many changers had begun when a question in a settled visit last showed
	// that the user may pass; asked is when one was put.
	proven uint64
	asked  time.Time
}

// newFrames returns the frames of a tunnel that x opens.
func newFrames(x *exchange) *frames {
	f := &frames{x: x.probe()}
	if !x.beganUnsettled {
		f.proven = x.mark.Begun()
	}
	return f
}

// noteEvery bounds how often bytes of the client are noted.
const noteEvery = 100 * time.Millisecond

// heard notes bytes from the client.
func (f *frames) heard() {
	if f.x.g.Rotates || f.x.g.Settle <= 0 {
		return
	}
	now := f.x.g.Clock()
	if last := f.noted.Load(); now.UnixNano()-last > int64(noteEvery) {
		f.noted.Store(now.UnixNano())
		f.x.visit.Requests.Stir()
		f.x.visit.SettleFrames(now, f.x.g.Settle, f.x.g.WatchUnsafe)
	}
}

// mayGoOn reports whether bytes of the portal may go to the client, and ends the tunnel
// where not. While a request may change who is signed in, and once afterwards, it asks
// first; more than once a second the bytes wait.
func (f *frames) mayGoOn() bool {
	x := f.x
	if x.Lost() || !x.g.Rotates && !f.proves() {
		x.end.cancel()
		return false
	}
	return true
}

func (f *frames) proves() bool {
	x := f.x
	f.mu.Lock()
	defer f.mu.Unlock()
	if x.visit.Requests.Begun() == f.proven {
		return true
	}
	if d := x.g.Timing.Stream - x.g.Clock().Sub(f.asked); d > 0 && d <= x.g.Timing.Stream && !x.pause(d) {
		return false
	}
	begun, settled := x.visit.Requests.Begun(), !x.visit.Formed(x.g.Clock())
	f.asked = x.g.Clock()
	if !x.stillPasses() {
		return false
	}
	if settled {
		f.proven = begun
	}
	return true
}

// tunnelConn is the client's connection of a tunnel.
type tunnelConn struct {
	net.Conn
	*frames
}

// Read reads from the client.
func (t *tunnelConn) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if n > 0 {
		t.heard()
	}
	return n, err
}

// Write writes to the client.
func (t *tunnelConn) Write(p []byte) (int, error) {
	if !t.mayGoOn() {
		_ = t.Conn.Close()
		return 0, net.ErrClosed
	}
	return t.Conn.Write(p)
}

// CloseWrite lets the other side see the end of one direction.
func (t *tunnelConn) CloseWrite() error {
	if c, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

// tunnelBody is what the client sends through a tunnel that an extended CONNECT opened:
// that one is carried in the bodies of request and response.
type tunnelBody struct {
	io.ReadCloser
	*frames
}

// Read reads from the client.
func (t *tunnelBody) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if n > 0 {
		t.heard()
	}
	return n, err
}

// watchBody watches the bodies of an extended CONNECT as Hijacked does a connection.
func (x *exchange) watchBody() {
	if x.visit == nil || x.g.Identify != nil || !request.HasBody(x.facts.R) {
		return
	}
	t := &tunnelBody{ReadCloser: x.facts.R.Body, frames: newFrames(x)}
	x.facts.R.Body, x.frames = t, t.frames
}
