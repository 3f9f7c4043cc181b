package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/secondgate/secondgate/internal/insert"
	"github.com/secondgate/secondgate/internal/portal"
)

// errWithheld tells the handler behind that nobody reads its response any more.
var errWithheld = errors.New("response withheld")

// responseWriter stands between the portal's response and the client. Most responses
// of visits with a clearance pass it untouched; those that have to be judged stop
// here at their headers (see judgement).
type responseWriter struct {
	x  *exchange
	rw http.ResponseWriter
	// bare and verbatim are the two kinds of request that are never judged.
	bare, verbatim bool
	// cancel ends the request behind, where it may have to be; else nil.
	cancel context.CancelFunc

	wrote bool
	// own are the headers that were there before the portal's.
	own     []header
	ownRoom [2]header
	// ground is the clearance that the response is released on; nil for none.
	ground *standing
	// dropping: the rest of the portal's response goes nowhere.
	dropping bool
	pending  *judgement
	// inserting is the page that something is put into; nil for all else.
	inserting *insert.Stream
}

type header struct {
	name   string
	values []string
}

// run has next answer the request, and sees the judgement through.
func (w *responseWriter) run(next Next, r *http.Request) (err error) {
	w.own = w.ownRoom[:0]
	if w.x.before.Cleared && !w.bare && !w.verbatim {
		w.ground = w.x.st
	}
	for name, values := range w.rw.Header() {
		w.own = append(w.own, header{name, values})
	}
	defer func() {
		p := recover()
		w.finish(p == nil && err == nil) // until then the judgement reads the request
		w.endPage(p == nil)
		// Nobody before the gate sees the portal's cookies, nor do the server's error routes,
		// which see no credentials at all.
		delete(r.Header, "Cookie")
		failed := p != nil || w.broken() != nil
		if failed || err != nil {
			delete(r.Header, "Authorization")
		}
		if failed {
			err = w.panicked(p)
		}
	}()
	w.x.timeForward()
	err = next.ServeHTTP(w, r)
	switch {
	case w.wrote:
	case err == nil:
		w.WriteHeader(http.StatusOK)
	default:
		// The server's error routes write this response: what whoami set must not be
		// lost, and what the portal set does not pass unsealed.
		delete(w.rw.Header(), "Set-Cookie")
		w.x.cookies(w.rw.Header())
	}
	w.finish(err == nil)
	if w.dropping {
		return nil
	}
	return err
}

// finish waits for a judgement that runs; whole is whether the response came to its end.
func (w *responseWriter) finish(whole bool) {
	if w.pending != nil {
		w.pending.finish(whole)
	}
}

// broken is what panicked in the judgement, if anything did.
func (w *responseWriter) broken() any {
	if w.pending == nil {
		return nil
	}
	return w.pending.broken
}

// panicked goes on with a panic of the handler behind. If the response had been
// withheld, a refusal is on its way to the client, and being cut off was our doing.
func (w *responseWriter) panicked(p any) error {
	if b := w.broken(); b != nil {
		panic(b)
	}
	if w.dropping && p == any(http.ErrAbortHandler) {
		return nil
	}
	panic(p)
}

// Header is the portal's header map until the response is judged or dropped; then
// it is one that leads nowhere, or only to the trailers.
func (w *responseWriter) Header() http.Header {
	if w.pending != nil {
		return w.pending.late
	}
	return w.rw.Header()
}

// Unwrap lets http.ResponseController reach deadlines and full duplex.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.rw }

// WriteHeader decides, with the portal's headers at hand, whether the response
// passes or is judged.
func (w *responseWriter) WriteHeader(status int) {
	if status < 100 || status > 999 {
		status = http.StatusBadGateway // which no server can write: it would panic
	}
	switch {
	case w.wrote:
		return
	case status >= 100 && status < 200 && status != http.StatusSwitchingProtocols:
		// An informational response is as good as a part of the last one, of which it is
		// not known yet whether it may pass: it is lost.
	case w.verbatim:
		w.wrote = true
		dropOwnNames(w.rw.Header())
		w.rw.WriteHeader(status)
	case w.bare:
		w.wrote = true
		w.releaseBare(status)
	default:
		w.wrote = true
		w.x.respond(status)
	}
}

// pass sends status and headers on; what follows goes straight to the client.
func (w *responseWriter) pass(status int) {
	w.x.cookies(w.rw.Header())
	w.begin(status)
	w.x.giveUpTurn()
}

// Write sends on, keeps, or drops.
func (w *responseWriter) Write(p []byte) (int, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if w.pending != nil {
		return w.pending.Write(p)
	}
	if w.lost() {
		return 0, errWithheld
	}
	return w.send(p)
}

// lost reports whether what the response stood on is gone.
func (w *responseWriter) lost() bool {
	return w.dropping || w.ground != nil && w.ground.ended.Load() || !w.bare && w.x.displaced()
}

// ReadFrom keeps the fast way of a file to a socket open for what passes.
func (w *responseWriter) ReadFrom(r io.Reader) (int64, error) {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if rf, ok := w.rw.(io.ReaderFrom); ok && w.pending == nil && w.inserting == nil && !w.lost() {
		return rf.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{w}, r)
}

// FlushError flushes what passes. What is being judged is flushed when it is released.
func (w *responseWriter) FlushError() error {
	if !w.wrote {
		w.WriteHeader(http.StatusOK)
	}
	if w.pending != nil {
		return w.pending.flush()
	}
	if w.lost() {
		return errWithheld
	}
	return w.flushSent()
}

// Hijack hands the connection over for a tunnel, which only those have who may pass.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.pending != nil {
		w.pending.ended(false)
		<-w.pending.done
	}
	if w.lost() || !w.x.upgrade && !w.verbatim {
		return nil, nil, errWithheld
	}
	return http.NewResponseController(w.rw).Hijack()
}

// Push implements http.Pusher for the server in front.
func (w *responseWriter) Push(target string, opts *http.PushOptions) error {
	if p, ok := w.rw.(http.Pusher); ok && !w.dropping && w.x.before.MayPass() {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// shut ends the writer when the request is over. Whoever kept it against net/http's
// rules finds everything dropped.
func (w *responseWriter) shut() {
	w.wrote, w.dropping = true, true
	w.x, w.ground = nil, nil
}

// restore takes everything of the portal's out of the header.
func (w *responseWriter) restore() http.Header {
	h := w.rw.Header()
	clear(h)
	for _, o := range w.own {
		h[o.name] = o.values
	}
	return h
}

// dropOwnNames takes Set-Cookie lines with names of Secondgate's own out of a
// response that passes verbatim.
func dropOwnNames(h http.Header) {
	lines, ok := h["Set-Cookie"]
	if !ok {
		return
	}
	var keep []string
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "=")
		if !portal.Reserved(strings.TrimSpace(name)) {
			keep = append(keep, line)
		}
	}
	h["Set-Cookie"] = keep
}
