package response

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/spool"
)

// forever is longer than any response takes.
const forever = 1000 * time.Hour

// chunk bounds how much is kept in one piece, so that a piece fits even if only the free bytes of a
// spool are left.
const chunk = 16 << 10

// interval is how long a portion may wait for its check.
func (w *Writer) interval() time.Duration {
	switch {
	case w.stream && !w.toEnd:
		return w.timing.Stream
	case w.whole && !w.stream:
		return forever
	}
	return w.timing.Portion
}

// next has the next portion checked when it is due; the caller holds mu. What is kept
// only because the visit is unsettled is looked at earlier.
func (w *Writer) next() {
	w.dueAt = time.Now().Add(w.interval())
	w.arm()
}

func (w *Writer) arm() {
	d := max(0, time.Until(w.dueAt))
	if w.wouldPass {
		d = min(d, w.timing.Poll)
	}
	w.stop()
	w.timer = time.AfterFunc(d, w.portion)
}

func (w *Writer) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

// keepAll keeps p. If there is no room, it blocks the portal's handler until a portion is
// released.
func (w *Writer) keepAll(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n < len(p) {
		switch w.now() {
		case dropping:
			return n, ErrWithheld
		case passing:
			m, err := w.send(p[n:])
			return n + m, err
		}
		m, err := w.kept.Write(p[n:min(n+chunk, len(p))])
		n += m
		if err == nil {
			continue
		}
		if !errors.Is(err, spool.ErrFull) {
			return n, err
		}
		if w.whole && !w.stream && w.kept.Size() < maxKept-chunk {
			w.x.NoRoom() // a part would be released before the portal committed
			w.cut(gate.Refuse)
			return n, ErrWithheld
		}
		w.full = true
		if !w.checking {
			w.stop()
			w.timer = time.AfterFunc(0, w.portion)
		}
		w.cond.Wait()
	}
	return n, nil
}

// portion checks what was kept so far and releases it.
func (w *Writer) portion() {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer w.abortOnPanic()
	if !w.is(keeping) || w.ended || w.checking {
		return
	}
	settled := w.x.Settled()
	due := w.full || !time.Now().Before(w.dueAt)
	nothing := w.kept.Size() == w.sent
	switch idle := nothing && w.released; {
	case idle && w.wouldPass && !w.x.Unsettled():
		w.set(passing)
		return
	case idle:
		w.next()
		return
	case !due && !(settled && w.wouldPass):
		w.arm()
		return
	}
	w.checkPortion(settled)
}

// abortOnPanic cuts the response off if releasing it, or writing a response in its place,
// panics. A panic on a timer's goroutine would end the server. The caller holds mu.
func (w *Writer) abortOnPanic() {
	p := recover()
	if p == nil {
		return
	}
	w.x.Panicked(p)
	w.set(dropping)
	w.aborted = true
	w.stop()
	w.kept.Close()
	w.x.Cancel()
	w.cond.Broadcast()
}

// checkPortion asks about what was kept so far; the caller holds mu. settled says that
// the visit was settled before the question.
func (w *Writer) checkPortion(settled bool) {
	w.checking = true
	upTo := w.kept.Size()
	w.mu.Unlock()
	a := w.check(false)
	w.mu.Lock()
	w.checking, w.full = false, false
	defer w.cond.Broadcast()
	if a != gate.Forward || w.x.Lost() {
		w.cut(a)
		return
	}
	w.release()
	w.copyKept(upTo)
	if settled && w.wouldPass && !w.x.Unsettled() {
		w.copyKept(w.kept.Size())
		w.set(passing)
		return
	}
	w.next()
}

// check asks the portal. A panic counts as a refusal.
func (w *Writer) check(final bool) (a gate.Action) {
	defer func() {
		if p := recover(); p != nil {
			w.x.Panicked(p)
			a = gate.Refuse
		}
	}()
	return w.x.Check(final)
}

// release completes the headers and sends them, once; the caller holds mu.
func (w *Writer) release() {
	if w.released {
		return
	}
	w.released = true
	if w.portal != nil {
		h := w.rw.Header()
		clear(h)
		maps.Copy(h, w.portal)
	}
	w.x.Release(w.status)
	w.writeHeader(w.status)
}

// copyKept writes the kept bytes up to that offset; the caller holds mu. It ignores write
// errors: the client has gone, and the portal's handler detects that with its next write.
func (w *Writer) copyKept(upTo int64) {
	buf := make([]byte, min(32<<10, max(1, upTo-w.sent)))
	for w.sent < upTo {
		n, err := w.kept.Read(buf[:min(int64(len(buf)), upTo-w.sent)])
		if n == 0 || err != nil {
			break
		}
		w.sent += int64(n)
		if _, err := w.send(buf[:n]); err != nil {
			break
		}
	}
	if w.sent > 0 && w.sent == w.kept.Size() {
		w.kept.Reset()
		w.sent = 0
	}
	if w.flushed || !w.ended {
		_ = w.flush()
	}
}

// cut withholds what was not released; the caller holds mu. If the portal has not finished the
// request, the request stays open until the portal's handler returns, because its effects are
// unknown until then.
func (w *Writer) cut(a gate.Action) {
	w.set(dropping)
	w.stop()
	if w.kept != nil {
		w.kept.Close()
	}
	if w.released {
		w.aborted = true
	} else {
		if w.ended {
			w.x.Over(true)
		}
		w.x.Withhold(a, w.status, w.portal)
	}
	w.x.Cancel()
}

// Finish is called when the portal's handler has returned; whole says that the response is
// complete. Finish checks what is still kept, and releases or withholds it.
func (w *Writer) Finish(whole bool) {
	if w.is(fresh) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	w.ended = true
	w.stop()
	for w.checking {
		w.cond.Wait()
	}
	if w.is(passing) && (w.x.Lost() || w.x.Unsettled()) && w.hasTrailers() {
		w.holdTrailers()
	}
	if w.is(keeping) {
		w.finishKept(whole)
	}
	if !w.is(dropping) {
		maps.Copy(w.rw.Header(), w.late)
		w.endPage(whole && !w.x.Lost())
	}
}

// holdTrailers keeps the trailers of a response that passed until they are checked. It drops
// them if the condition for the release no longer holds (see [Exchange.Lost]). The caller holds
// mu.
func (w *Writer) holdTrailers() {
	if w.x.Lost() {
		w.cut(gate.Refuse)
		return
	}
	w.makeRoom()
	w.set(keeping)
}

// hasTrailers reports whether anything is left to be sent after the body.
func (w *Writer) hasTrailers() bool {
	if len(w.late) > 0 {
		return true
	}
	h := w.rw.Header()
	for name := range h {
		if name == "Trailer" || strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

func (w *Writer) finishKept(whole bool) {
	a := gate.Forward
	if w.kept.Size() > w.sent || !w.released || w.hasTrailers() || w.x.MustCheck() {
		w.mu.Unlock()
		a = w.check(true)
		w.mu.Lock()
	}
	if !whole && a == gate.Forward && w.x.MustCheck() {
		a = gate.Refuse
	}
	if a != gate.Forward || w.x.Lost() {
		w.cut(a)
		return
	}
	w.release()
	w.x.Over(true)
	w.set(passing)
	w.copyKept(w.kept.Size())
}
