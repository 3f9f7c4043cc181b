package gateway

import (
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
)

// maxHeldBack bounds what is kept of a response while a question about it runs. A
// PHP script holds its session's lock, on which whoami waits, until its output has
// been read; so the output is read.
const maxHeldBack = 64 << 20

// judgement is a response that waits for an answer. The handler behind goes on
// writing; what it writes is kept until the verdict, then sent on or dropped.
type judgement struct {
	w *responseWriter
	// late takes the headers that the handler sets from now on: trailers.
	late http.Header
	done chan struct{}

	mu      sync.Mutex
	decided *sync.Cond
	verdict verdict
	kept    spool
	flushed bool
	// start puts the question; nil where that is done already. The response to a token's
	// sign-in has to be here whole before; cut says that it is not.
	start func()
	timer *time.Timer
	cut   bool
	// broken is what panicked while the verdict was carried out.
	broken any
}

type verdict int

const (
	undecided verdict = iota
	released
	withheld
)

// droppedResponse is a judgement that was made at once, against the response.
func droppedResponse() *judgement {
	j := &judgement{late: http.Header{}, done: make(chan struct{}), verdict: withheld}
	close(j.done)
	return j
}

// release sends the response on as the portal made it, and what was kept of its body.
func (j *judgement) release(status int) {
	w := j.w
	j.mu.Lock()
	defer j.mu.Unlock()
	w.x.cookies(w.rw.Header())
	w.begin(status)
	w.x.giveUpTurn()
	j.copyKept()
	if j.flushed {
		_ = w.flushSent()
	}
	j.verdict = released
	j.decided.Broadcast()
}

// copyKept writes what was kept; an error is the client's going away, which the
// handler behind finds out with its next write.
func (j *judgement) copyKept() {
	buf := make([]byte, 32<<10)
	for {
		n, err := j.kept.Read(buf)
		if n == 0 || err != nil {
			break
		}
		if _, err := j.w.send(buf[:n]); err != nil {
			break
		}
	}
	j.kept.Close()
}

// withhold drops the response and answers in its place.
func (j *judgement) withhold(a gate.Action, status int, header http.Header) {
	j.mu.Lock()
	j.verdict = withheld
	j.kept.Close()
	j.w.dropping = true
	j.decided.Broadcast()
	j.mu.Unlock()
	j.w.x.giveUpTurn()
	j.w.x.refuseAfter(a, status, header)
	if j.w.cancel != nil {
		j.w.cancel()
	}
}

// Write keeps what comes before the verdict. When there is too much of it, the
// handler behind has to wait.
func (j *judgement) Write(p []byte) (int, error) {
	j.mu.Lock()
	for j.verdict == undecided {
		n, err := j.kept.Write(p)
		if err == nil {
			j.mu.Unlock()
			return n, nil
		}
		if j.start != nil {
			j.start() // it is too long to be read
		}
		j.decided.Wait()
	}
	v := j.verdict
	j.mu.Unlock()
	if v == withheld || j.w.lost() {
		return 0, errWithheld
	}
	return j.w.send(p)
}

func (j *judgement) flush() error {
	j.mu.Lock()
	v := j.verdict
	j.flushed = true
	j.mu.Unlock()
	switch v {
	case released:
		return j.w.flushSent()
	case withheld:
		return errWithheld
	}
	return nil
}

// ended says that nothing more comes of the body, and whether it is whole.
func (j *judgement) ended(whole bool) {
	if j.start == nil {
		return
	}
	j.timer.Stop()
	j.mu.Lock()
	j.cut = j.cut && !whole
	j.mu.Unlock()
	j.start()
}

// finish waits for the verdict when the handler behind is done, or failed before the
// response was whole, and sends the trailers of a released one.
func (j *judgement) finish(whole bool) {
	j.ended(whole)
	<-j.done
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.verdict == released {
		maps.Copy(j.w.rw.Header(), j.late)
	}
}
