package observe

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/report"
	"github.com/secondgate/secondgate/internal/session"
)

// writer passes a response on unchanged, and examines its headers.
type writer struct {
	o    *observation
	life *lifetime
	rw   http.ResponseWriter
	// seen says that respond has examined the headers.
	seen bool
}

// respond examines the headers, once, before they are sent.
func (w *writer) respond(status int) {
	if w.seen {
		return
	}
	w.seen = true
	if endless(status, w.rw.Header()) {
		w.life.stream(nil)
	}
	w.o.guard(func() { w.o.respond(status) })
}

// open is respond before the first byte of the body. It fails if the response has been ended.
func (w *writer) open() error {
	w.respond(http.StatusOK)
	if w.life.ended.Load() {
		return context.Canceled
	}
	return nil
}

// Header is the portal's header map, which is the client's.
func (w *writer) Header() http.Header { return w.rw.Header() }

// Unwrap lets http.ResponseController use the methods of the wrapped writer that writer lacks.
func (w *writer) Unwrap() http.ResponseWriter { return w.rw }

// WriteHeader forwards the status. Informational responses are not examined.
func (w *writer) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.respond(status)
	}
	w.rw.WriteHeader(status)
}

// Write forwards p.
func (w *writer) Write(p []byte) (int, error) {
	if err := w.open(); err != nil {
		return 0, err
	}
	return w.rw.Write(p)
}

// FlushError flushes.
func (w *writer) FlushError() error {
	if err := w.open(); err != nil {
		return err
	}
	return http.NewResponseController(w.rw).Flush()
}

// Hijack hands the connection over for a tunnel.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, brw, err := http.NewResponseController(w.rw).Hijack()
	if err == nil {
		w.life.stream(conn)
	}
	return conn, brw, err
}

// respond records which cookies the response sets, and adds those that the browser must get from
// Secondgate.
func (o *observation) respond(status int) {
	h := o.rw.Header()
	set := h["Set-Cookie"]
	for _, name := range portal.OwnNames(set) {
		o.count(report.CookieOwn, name)
	}
	changes, err := portal.Changes(set, o.client.URL.Path, o.CookiePolicy, o.now)
	if err != nil {
		o.countPath(report.Refused, "too many cookies set")
	}
	o.learnNames(changes)
	ours := o.giveBack(changes, err != nil)
	if o.visit == nil && o.mints(h, changes) {
		o.visit = o.mint()
		ours = append(ours, o.visitLine(changes))
	}
	if len(ours) > 0 {
		h["Set-Cookie"] = append(slices.Clip(set), ours...)
		portal.Unshareable(h)
	}
	if o.visit != nil {
		o.guard(func() { o.compareResponse(status, h, changes) })
	}
}

// learnNames remembers the names of cookies that the portal set, as in `mode enforce`: the
// portal may take its sessions from fields of these names, in a process that enforces later.
func (o *observation) learnNames(changes []portal.Change) {
	for _, ch := range changes {
		if ch.Class == portal.Sealed && !ch.Delete {
			o.Visits.Names.Learn(o.Realm, &ch.Cookie, o.brought)
		}
	}
}

// brought reports whether the request may have contained the value.
func (o *observation) brought(value string) bool {
	var beginning []byte
	if o.body != nil {
		body, whole := o.body.Whole()
		if !whole {
			return true // it may come later
		}
		beginning = body
	}
	return request.Brings(o.r, beginning, value)
}

// mints reports whether the response starts a visit, as in `mode enforce`. It does not if shared
// caches may keep the response, which must then stay unchanged, or if the portal uses the
// cookie's name.
func (o *observation) mints(h http.Header, changes []portal.Change) bool {
	control := strings.Join(h["Cache-Control"], ",")
	if strings.Contains(control, "public") || strings.Contains(control, "s-maxage") {
		return false
	}
	if slices.ContainsFunc(o.plain.Pairs, func(p portal.Pair) bool { return p.Name == o.names.Visit }) ||
		slices.Contains(portal.OwnNames(h["Set-Cookie"]), o.names.Visit) {
		return false
	}
	sets := slices.ContainsFunc(changes, func(c portal.Change) bool { return c.Class == portal.Sealed && !c.Delete })
	return (sets || o.facts.Navigation()) && !o.facts.CrossSite()
}

// mint starts a visit.
func (o *observation) mint() *visits.Visit {
	token := session.NewToken()
	v := o.Visits.Get(o.Realm, token.ID(), token)
	o.state = stateOf(v, o.state)
	return v
}

func (o *observation) cookieWriter() *portal.Writer {
	return &portal.Writer{Names: o.names, Now: o.now, MaxLife: session.MaxCookieLife}
}

// visitLine is the line of the visit's cookie, which lives as long as the longest-lived
// cookie that the response sets.
func (o *observation) visitLine(changes []portal.Change) string {
	return o.cookieWriter().Visit(string(o.visit.Token), portal.EmptyJar.Apply(changes).Ends())
}

// giveBack returns the Set-Cookie lines that replace sealed cookies in the browser by the
// portal's unsealed ones. Sealed cookies are deleted. Opened ones and undelivered values are
// set, unless the portal has set them since. incomplete says that not all changes could be read.
func (o *observation) giveBack(changes []portal.Change, incomplete bool) (lines []string) {
	s, w := o.state, o.cookieWriter()
	s.mu.Lock()
	defer s.mu.Unlock()
	lines = w.Forget(o.opened, o.opened.Cookies())
	for _, stale := range o.stale {
		lines = append(lines, w.Delete(stale)...)
	}
	for _, ch := range changes {
		s.jar.set(ch, o.Clock())
		o.learn(ch.Path)
	}
	s.jar.limit()
	s.jar.incomplete = s.jar.incomplete || incomplete
	host := (&url.URL{Host: o.host}).Hostname()
	for i, c := range append(o.substituted, o.opened.Given()...) {
		if s.jar.setSince(c.Name, c.Path, o.now) {
			continue
		}
		lines = append(lines, c.Line(host, o.client.Secure))
		if i >= len(o.substituted) {
			s.jar.set(portal.Change{Cookie: c}, o.Clock())
		}
	}
	persistent := func(c portal.Change) bool { return c.Class == portal.Sealed && !c.Delete && !c.Expires.IsZero() }
	if o.visit != nil && slices.ContainsFunc(changes, persistent) {
		lines = append(lines, o.visitLine(changes))
	}
	return lines
}
