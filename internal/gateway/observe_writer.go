package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/session"
)

// observedWriter lets a response pass as it is, and looks at its headers.
type observedWriter struct {
	o  *observation
	rw http.ResponseWriter
	// seen says that the headers were looked at.
	seen bool
}

// respond looks at the headers, once, before they are sent.
func (w *observedWriter) respond(status int) {
	if !w.seen {
		w.seen = true
		w.o.guard(func() { w.o.respond(status) })
	}
}

// Header is the portal's header map, which is the client's.
func (w *observedWriter) Header() http.Header { return w.rw.Header() }

// Unwrap lets http.ResponseController reach what is not here.
func (w *observedWriter) Unwrap() http.ResponseWriter { return w.rw }

// WriteHeader sends the status on; informational ones are none of our business.
func (w *observedWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.respond(status)
	}
	w.rw.WriteHeader(status)
}

// Write sends on.
func (w *observedWriter) Write(p []byte) (int, error) {
	w.respond(http.StatusOK)
	return w.rw.Write(p)
}

// ReadFrom keeps the fast way of a file to a socket open.
func (w *observedWriter) ReadFrom(r io.Reader) (int64, error) {
	w.respond(http.StatusOK)
	if rf, ok := w.rw.(io.ReaderFrom); ok {
		return rf.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{w.rw}, r)
}

// FlushError flushes.
func (w *observedWriter) FlushError() error {
	w.respond(http.StatusOK)
	return http.NewResponseController(w.rw).Flush()
}

// Hijack hands the connection over for a tunnel.
func (w *observedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.rw).Hijack()
}

// Push implements http.Pusher for the server in front.
func (w *observedWriter) Push(target string, opts *http.PushOptions) error {
	if p, ok := w.rw.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// respond notes what the response set, and adds what the browser has to get of us.
func (o *observation) respond(status int) {
	h := o.rw.Header()
	lines := h["Set-Cookie"]
	for _, name := range portal.OwnNames(lines) {
		o.g.Book.Add(o.g.Realm, report.CookieOwn, name)
	}
	changes, err := portal.Changes(lines, o.client.URL.Path, o.g.Leave, o.now)
	if err != nil {
		o.g.Logger.Warn("cookies of a response were not followed", zap.Error(err), zap.String("path", o.client.URL.Path))
	}
	var ours []string
	if o.visit == nil && o.mints(h, changes) {
		ours = append(ours, o.mint(changes))
	}
	if o.visit != nil {
		ours = append(ours, o.giveBack(changes)...)
		o.guard(func() { o.judgeResponse(status, h, changes) })
	}
	if len(ours) > 0 {
		h["Set-Cookie"] = append(lines[:len(lines):len(lines)], ours...)
	}
}

// mints reports whether the response starts a visit, as it would in `mode enforce`; but
// not where a cache before us could keep it, or the portal has a cookie of that name.
func (o *observation) mints(h http.Header, changes []portal.Change) bool {
	x := o.shadow
	x.changes = changes
	shared := strings.Contains(h.Get("Cache-Control"), "public") || strings.Contains(h.Get("Cache-Control"), "s-maxage")
	for _, p := range o.plain.Pairs {
		if p.Name == o.names.Visit {
			return false
		}
	}
	for _, name := range portal.OwnNames(h["Set-Cookie"]) {
		if name == o.names.Visit {
			return false
		}
	}
	return !shared && x.wantsVisit()
}

// mint starts the visit.
func (o *observation) mint(changes []portal.Change) string {
	o.token = session.NewToken()
	o.visit = o.g.Visits.get(o.g.Realm, o.token.ID(), o.token)
	w := o.visit.watch()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin(o.plain.Pairs, portal.EmptyJar, o.g.Leave)
	w.jar.sync(o.plain.Pairs, o.client.URL.Path, !o.foreign(), o.now)
	w.covered = o.covers(o.client.URL.Path)
	w.running[o] = time.Now()
	return o.visitLine(changes)
}

// visitLine is the visit's cookie; it lives as long as the longest-lived that is set.
func (o *observation) visitLine(changes []portal.Change) string {
	wr := portal.Writer{Names: o.names, Now: o.now, MaxLife: session.MaxCookieLife}
	return wr.Visit(string(o.token), portal.EmptyJar.Apply(changes).Ends())
}

// giveBack returns the lines that bring the browser's cookies to where they are: what
// was sealed in the clear, unless the portal has just set it, the sealed ones deleted,
// and what was redeemed.
func (o *observation) giveBack(changes []portal.Change) (lines []string) {
	w := o.visit.watch()
	w.mu.Lock()
	defer w.mu.Unlock()
	wr := &portal.Writer{Names: o.names, Now: o.now, MaxLife: session.MaxCookieLife}
	if o.opened.Sealed() || len(o.stale) > 0 {
		lines = wr.Forget(o.opened, o.opened.Cookies())
		for _, s := range o.stale {
			lines = append(lines, wr.Delete(s)...)
		}
	}
	w.withdraw(changes)
	for _, ch := range changes {
		w.jar.set(ch, o.g.Clock())
		o.learn(ch.Path)
	}
	w.jar.bound()
	for _, c := range append(o.opened.Given(), o.redeemed...) {
		if !w.jar.setSince(c.Name, c.Path, o.now) {
			lines = append(lines, c.Line(hostname(o.r.Host), o.client.Secure))
			w.jar.set(portal.Change{Cookie: c}, o.g.Clock())
		}
	}
	for _, ch := range changes {
		if persistent(ch) && o.visit.token != "" && o.plain.Own() {
			return append(lines, o.visitLine(changes))
		}
	}
	return lines
}
