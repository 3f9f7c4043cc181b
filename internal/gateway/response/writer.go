// Package response passes the portal's response to the client: at once, or after a check.
//
// A checked response is kept until the portal has ended it, because portals commit sessions
// while they send a body or afterwards (design rule G2). A response that is too long for that,
// and a stream, is released in portions, each after a question that began later than the
// portion's last byte. Package gateway calls it and decides; see [Exchange].
package response

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/spool"
)

// ErrWithheld is what the portal's handler gets when it writes a response that is withheld.
var ErrWithheld = errors.New("response withheld")

// maxKept bounds what is kept of one response, in bytes.
const maxKept = 64 << 20

type state int

const (
	fresh state = iota
	passing
	keeping
	dropping
)

// Writer is the http.ResponseWriter that the handlers behind the gate write to. Make it
// with New and call Finish when they are done.
type Writer struct {
	x      Exchange
	rw     http.ResponseWriter
	timing Timing
	// kept is where the response is kept; it is made when the first byte has to wait.
	kept    *spool.Spool
	budget  *spool.Budget
	address string

	// Page is what may be inserted into the response; set it before the handlers run.
	Page Page
	// own are the headers that were set before the handlers behind the gate ran.
	own     []header
	ownRoom [2]header

	// state is written with mu held once a portion may be checked.
	state atomic.Int32

	mu   sync.Mutex
	cond sync.Cond
	// stream says that it is an event stream. ended says that the handlers are done.
	stream, ended bool
	// released says that the headers went out, aborted that the rest of a released
	// response was withheld.
	released, aborted bool
	flushed           bool
	status            int
	// portal is the portal's header of a kept response; late takes what handlers set after.
	portal, late http.Header
	// sent is the number of kept bytes that were written to the client.
	sent int64
	// wouldPass says that the response is kept only because the visit is unsettled.
	// whole says that no portion is due before the end; toEnd says so of streams, too.
	wouldPass, whole, toEnd bool
	// checking says that a portion's check runs, full that the handler behind waits for it.
	// timer starts the next at dueAt.
	checking, full bool
	timer          *time.Timer
	dueAt          time.Time
}

type header struct {
	name   string
	values []string
}

// New returns a writer to rw for a response of x. What is kept is taken from the budget of
// the client's address.
func New(x Exchange, rw http.ResponseWriter, t Timing, budget *spool.Budget, address string) *Writer {
	return new(Writer).Init(x, rw, t, budget, address)
}

// Init makes a zero writer one that New returns.
func (w *Writer) Init(x Exchange, rw http.ResponseWriter, t Timing, budget *spool.Budget, address string) *Writer {
	w.x, w.rw, w.timing, w.budget, w.address = x, rw, t, budget, address
	w.own = w.ownRoom[:0]
	for name, values := range rw.Header() {
		w.own = append(w.own, header{name, values})
	}
	w.cond.L = &w.mu
	return w
}

func (w *Writer) now() state      { return state(w.state.Load()) }
func (w *Writer) is(s state) bool { return w.now() == s }
func (w *Writer) set(s state)     { w.state.Store(int32(s)) }

// Wrote reports whether the portal's headers arrived.
func (w *Writer) Wrote() bool { return !w.is(fresh) }

// Dropping reports whether the rest of the portal's response is discarded.
func (w *Writer) Dropping() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.is(dropping)
}

// Aborted reports whether the connection must be closed, so that the client detects that the
// response was cut off.
func (w *Writer) Aborted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.aborted
}

// Body returns what was kept of the response, and whether that is all of it: a response
// of up to 1 MiB of which nothing was released.
func (w *Writer) Body() (body []byte, whole bool) {
	if w.kept == nil {
		return nil, false
	}
	b := w.kept.Bytes()
	return b, w.sent == 0 && int64(len(b)) == w.kept.Size()
}

// Header is the portal's header map until the response is kept or dropped. Afterwards it is
// another map: of a kept response, only its trailers are used.
func (w *Writer) Header() http.Header {
	if w.kept == nil && !w.is(dropping) {
		return w.rw.Header() // only the handlers' own goroutine changes either
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.is(dropping) && w.late == nil {
		w.late = http.Header{}
	}
	if w.late != nil {
		return w.late
	}
	return w.rw.Header()
}

// Status is the portal's status.
func (w *Writer) Status() int { return w.status }

// Portal is the header that the portal sent, of a response that is kept.
func (w *Writer) Portal() http.Header { return w.portal }

// Unwrap lets http.ResponseController reach deadlines and full duplex.
func (w *Writer) Unwrap() http.ResponseWriter { return w.rw }

// WriteHeader decides how the response is handled, based on the portal's headers.
func (w *Writer) WriteHeader(status int) {
	if status < 100 || status > 999 {
		status = http.StatusBadGateway // no server can write it: it would panic
	}
	switch {
	case !w.is(fresh):
		return
	case status >= 100 && status < 200 && status != http.StatusSwitchingProtocols:
		// An informational response of a response that is not yet checked is dropped.
		return
	}
	w.status = status
	w.begin(w.x.Arrived(status))
}

func (w *Writer) begin(m Mode) {
	switch m {
	case Passed:
		w.set(passing)
		w.release()
		w.x.Over(false)
	case Kept, KeptUnsettled, KeptWhole, KeptToEnd:
		w.wouldPass, w.whole, w.toEnd = m == KeptUnsettled, m == KeptWhole || m == KeptToEnd, m == KeptToEnd
		w.keep()
	case CheckedNow:
		w.checkNow()
	default:
		w.set(dropping)
	}
}

// checkNow checks a response at its headers, because a tunnel has no end to wait for.
func (w *Writer) checkNow() {
	w.portal = w.rw.Header().Clone()
	a := w.check(true)
	w.mu.Lock()
	defer w.mu.Unlock()
	if a != gate.Forward || w.x.Lost() {
		w.cut(a)
		return
	}
	w.set(passing)
	w.release()
	w.x.Over(false)
}

// beginTunnel decides about a tunnel with headers that are not written through the writer.
func (w *Writer) beginTunnel() {
	w.status = http.StatusSwitchingProtocols
	a := gate.Refuse
	switch w.x.Arrived(w.status) {
	case Dropped:
		w.set(dropping)
		return
	case Passed:
		a = gate.Forward
	case CheckedNow:
		a = w.check(true)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if a != gate.Forward || w.x.Lost() {
		w.cut(a)
		return
	}
	w.set(passing)
	w.released = true
	w.x.Over(false)
}

// keep begins to keep the response, from its headers on.
func (w *Writer) keep() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.portal = w.rw.Header().Clone()
	w.late = http.Header{}
	w.stream = IsStream(w.portal)
	w.set(keeping)
	w.makeRoom()
	w.next()
}

func (w *Writer) makeRoom() {
	if w.kept == nil {
		w.kept = spool.New(maxKept, w.budget, w.address)
	}
}

// IsStream reports whether the header is an event stream's.
func IsStream(h http.Header) bool {
	v := h.Get("Content-Type")
	return len(v) >= 17 && v[:17] == "text/event-stream"
}

// Write forwards, keeps or drops p.
func (w *Writer) Write(p []byte) (int, error) {
	if w.is(fresh) {
		w.WriteHeader(http.StatusOK)
	}
	if w.passes() {
		if w.x.Lost() {
			return 0, ErrWithheld
		}
		return w.send(p)
	}
	return w.keepAll(p)
}

// passes reports whether bytes are sent to the client at once. As soon as the visit is
// unsettled, the rest of a passing response is kept.
func (w *Writer) passes() bool {
	if !w.is(passing) {
		return false
	}
	if !w.x.Unsettled() {
		return true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.set(keeping)
	w.makeRoom()
	w.wouldPass = true
	w.late = http.Header{}
	w.stream = IsStream(w.rw.Header())
	w.next()
	return false
}

// ReadFrom implements io.ReaderFrom; every chunk goes through Write.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{w}, r)
}

// FlushError flushes what passes. What is kept is flushed when it is released.
func (w *Writer) FlushError() error {
	if w.is(fresh) {
		w.WriteHeader(http.StatusOK)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.is(keeping):
		w.flushed = true
		return nil
	case w.is(dropping) || w.x.Lost():
		return ErrWithheld
	}
	return w.flush()
}

// Hijack returns the connection for a tunnel. A handler that calls it before it wrote headers
// writes them to the connection itself, so the decision assumes status 101.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.is(fresh) {
		w.beginTunnel()
	}
	if w.is(keeping) || w.is(dropping) || w.x.Lost() {
		return nil, nil, ErrWithheld
	}
	c, brw, err := http.NewResponseController(w.rw).Hijack()
	if err != nil {
		return nil, nil, err
	}
	c, brw = w.x.Hijacked(c, brw)
	return c, brw, nil
}

// Push implements http.Pusher. It pushes nothing, because a pushed response would need its own
// check.
func (w *Writer) Push(string, *http.PushOptions) error { return http.ErrNotSupported }

// Shut ends the writer when the request has ended. If a handler uses the writer later, against
// the rules of net/http, its writes are dropped.
func (w *Writer) Shut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.set(dropping)
	w.stop()
	if w.kept != nil {
		w.kept.Close()
	}
}

// Restore removes all of the portal's fields from the header.
func (w *Writer) Restore() http.Header {
	h := w.rw.Header()
	clear(h)
	for _, o := range w.own {
		h[o.name] = o.values
	}
	return h
}
