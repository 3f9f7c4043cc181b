package gateway

import (
	"context"
	"maps"
	"net/http"
	"sync"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
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

// judge starts the judgement of a response with this status, which set these cookies.
func (x *exchange) judge(status int, set []portal.Change) {
	j := &judgement{w: x.rw, late: http.Header{}, done: make(chan struct{}), kept: spool{limit: maxHeldBack}}
	j.decided = sync.NewCond(&j.mu)
	x.rw.pending = j
	header := maps.Clone(x.rw.rw.Header())
	question := portal.Question(x.r.Header)
	go j.run(status, header, question, set)
}

// run asks and carries the verdict out. It is the only one to write to the client
// until it is done.
func (j *judgement) run(status int, header, question http.Header, set []portal.Change) {
	defer close(j.done)
	x := j.w.x
	action := gate.Refuse
	func() {
		defer func() {
			if p := recover(); p != nil {
				x.g.Logger.Error("judging a response panicked", zap.Any("panic", p), zap.Stack("stack"))
				action = gate.Refuse
			}
		}()
		action = x.judgeAfter(status, set, question)
	}()
	defer func() {
		if p := recover(); p != nil {
			j.abandon(p)
		}
	}()
	if action == gate.Forward && !j.w.lost() {
		j.release(status)
		return
	}
	j.withhold(action, status, header)
}

// abandon leaves a response that could not be written. The panic goes on where the
// server expects one: here it would end the whole process.
func (j *judgement) abandon(p any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken, j.verdict, j.w.dropping = p, withheld, true
	j.kept.Close()
	j.decided.Broadcast()
}

// judgeAfter asks with the cookies as they now are, and decides. Cookies are kept
// whatever the decision, unless it is not known who they belong to.
func (x *exchange) judgeAfter(status int, set []portal.Change, question http.Header) gate.Action {
	jar := x.jar.Apply(set)
	a, epoch, key := x.askAfter(jar, question)
	after, err := x.standingOf(x.r.Context(), a)
	if err != nil {
		x.g.Logger.Error("store failed while a response was judged", zap.Error(err))
		return gate.Refuse
	}
	if a.Kind == gate.Unknown {
		return gate.Refuse
	}
	outcome := gate.Outcome{
		SameUser: x.before.Answer == gate.User && x.answer.User == a.User, Before: x.before, After: after,
		Mixed: x.mixed(),
	}
	settled := x.settleAfter(set, a)
	outcome.Outdated = x.outdated(status, a, key.Jar)
	action := gate.After(outcome)
	if !after.Cleared {
		x.rw.ground = nil
	}
	if gate.EndsClearance(outcome) {
		epoch = x.changeHands(epoch)
		if action != gate.Forward || x.before.MayPass() {
			x.passOn()
		}
	}
	if x.visit != nil {
		x.visit.passes.Store(after.MayPass())
	}
	if settled {
		x.keepAfter(key, a, epoch)
	}
	if action != gate.Forward {
		x.owner = a.User
		x.g.logRefusal(x, action, "after")
	}
	return action
}

// changeHands ends what stood on whose the visit was until now: its clearance, its
// tunnels, and its answers. What was kept for other cookies of the visit may have
// changed with it: an old session id that lives on is the new user's too. It returns
// the epoch in which an answer of the given one is still good.
func (x *exchange) changeHands(epoch uint64) uint64 {
	if x.visit == nil {
		return epoch
	}
	now := x.visit.answers.Forget()
	x.g.Visits.tunnels.closeOf(x.visit)
	x.endClearance("another sign-in or a sign-out")
	if now == epoch+1 {
		return now // nobody else changed anything since the question was put
	}
	return epoch
}

// askAfter puts a question that begins now. Nobody's credentials need none.
func (x *exchange) askAfter(jar *portal.Jar, question http.Header) (*portal.Answer, uint64, portal.Key) {
	key := x.key
	key.Jar = jar.Key()
	if jar.Empty() && !x.carries && len(x.g.Queries) == 0 {
		return strangers, 0, key
	}
	put := func() *portal.Answer {
		got := x.g.Asker.Ask(context.WithoutCancel(x.r.Context()), jar, question, x.fetch)
		return &got
	}
	if x.visit == nil {
		return put(), 0, key
	}
	epoch := x.visit.answers.Epoch()
	return x.visit.answers.Ask(key, true, put), epoch, key
}

// settleAfter moves the jar on to what the response and then the question set, all
// stamped for the user that they were judged for. Other users' cookies go; then the
// credentials are no longer those that were asked about, and it returns false.
func (x *exchange) settleAfter(set []portal.Change, a *portal.Answer) bool {
	x.takeChanges(set, a.User)
	x.takeChanges(a.Changes, a.User)
	fitting, gone := x.jar.Fits(a.User)
	x.jar, x.gone = fitting, append(x.gone, gone...)
	return len(gone) == 0
}

// keepAfter keeps the answer for the visit's next request.
func (x *exchange) keepAfter(key portal.Key, a *portal.Answer, epoch uint64) {
	if x.visit == nil || a == strangers {
		return
	}
	kept := *a
	kept.Changes = nil
	key.Jar = x.jar.Key()
	// Only one unsafe request runs at a time: if this one does, no other.
	if !x.visit.queue.busy(x.turns()) {
		x.visit.answers.Keep(key, &kept, epoch, x.g.Recheck, x.now)
	}
}

// release sends the response on as the portal made it, and what was kept of its body.
func (j *judgement) release(status int) {
	w := j.w
	j.mu.Lock()
	defer j.mu.Unlock()
	w.x.cookies(w.rw.Header())
	w.rw.WriteHeader(status)
	w.x.giveUpTurn()
	j.copyKept()
	if j.flushed {
		_ = http.NewResponseController(w.rw).Flush()
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
		if _, err := j.w.rw.Write(buf[:n]); err != nil {
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
		j.decided.Wait()
	}
	v := j.verdict
	j.mu.Unlock()
	if v == withheld || j.w.lost() {
		return 0, errWithheld
	}
	return j.w.rw.Write(p)
}

func (j *judgement) flush() error {
	j.mu.Lock()
	v := j.verdict
	j.flushed = true
	j.mu.Unlock()
	switch v {
	case released:
		return http.NewResponseController(j.w.rw).Flush()
	case withheld:
		return errWithheld
	}
	return nil
}

// finish waits for the verdict when the handler behind is done, and sends the
// trailers of a released response.
func (j *judgement) finish() {
	<-j.done
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.verdict == released {
		maps.Copy(j.w.rw.Header(), j.late)
	}
}
