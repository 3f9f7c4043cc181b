package gateway

import (
	"context"
	"maps"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// judge starts the judgement of a response with this status, which set these cookies.
func (x *exchange) judge(status int, set []portal.Change) {
	j := &judgement{w: x.rw, late: http.Header{}, done: make(chan struct{}), kept: spool{limit: maxHeldBack}}
	j.decided = sync.NewCond(&j.mu)
	x.rw.pending = j
	header := maps.Clone(x.rw.rw.Header())
	q := &inquiry{status: status, header: portal.Question(x.r.Header), key: x.key, carries: x.carries, set: set}
	if len(x.reads) == 0 {
		go j.run(status, header, q)
		return
	}
	j.kept.limit, j.cut = maxTokenBody, true
	j.start = sync.OnceFunc(func() { go j.run(status, header, q) })
	j.timer = time.AfterFunc(tokenTime, j.start)
}

// inquiry is the question about a response with this status: the credentials as they
// now are.
type inquiry struct {
	status  int
	header  http.Header
	key     portal.Key
	carries bool
	// set are the cookies that the response set. token says that a sign-in's token is
	// among them: somebody it must belong to.
	set   []portal.Change
	token bool
}

// run asks and carries the verdict out. It is the only one to write to the client
// until it is done.
func (j *judgement) run(status int, header http.Header, q *inquiry) {
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
		if x.readToken(q, j.response(status, header)) {
			action = x.judgeAfter(q)
		}
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

// response is what a token's sign-in answered.
func (j *judgement) response(status int, header http.Header) whoami.Response {
	res := whoami.Response{Status: status, Header: header}
	if j.start != nil {
		j.mu.Lock()
		defer j.mu.Unlock()
		res.Body, res.Truncated = j.kept.kept(), j.cut
	}
	return res
}

// judgeAfter asks with the cookies as they now are, and decides. Cookies are kept
// whatever the decision, unless it is not known who they belong to.
func (x *exchange) judgeAfter(q *inquiry) gate.Action {
	jar := x.jar.Apply(q.set)
	a, epoch, key := x.askAfter(jar, q)
	// A browser that goes away is no failure of the store's.
	after, err := x.standingOf(context.WithoutCancel(x.r.Context()), a)
	if err != nil {
		x.g.Logger.Error("store failed while a response was judged", zap.Error(err))
		return gate.Refuse
	}
	if q.token && a.Kind == gate.Anonymous {
		x.g.Logger.Error("the token of a sign-in is nobody's: whoami does not know it; see credential header and whoami",
			zap.String("path", x.client.URL.Path))
		return gate.Refuse
	}
	if a.Kind == gate.Unknown {
		return gate.Refuse
	}
	if !after.Cleared {
		x.seeSignInAfter(a)
	}
	outcome := gate.Outcome{
		SameUser: x.before.Answer == gate.User && x.answer.User == a.User && a.Scopes&^x.answer.Scopes == 0, Before: x.before, After: after,
		Mixed: x.mixed(),
	}
	settled := x.settleAfter(q.set, a)
	outcome.Outdated = x.outdated(q.status, a, key.Jar)
	x.into.links = x.into.links && a.Kind == gate.User
	action := gate.After(outcome)
	if !after.Cleared {
		x.rw.ground = nil
	}
	if gate.EndsClearance(outcome) {
		epoch = x.changeHands(epoch)
		if action != gate.Forward || x.before.MayPass() {
			x.passOn(after.Answer)
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
func (x *exchange) askAfter(jar *portal.Jar, q *inquiry) (*portal.Answer, uint64, portal.Key) {
	key := q.key
	key.Jar = jar.Key()
	if jar.Empty() && !q.carries && x.queried == "" {
		return strangers, 0, key
	}
	put := func() *portal.Answer {
		return x.g.put(context.WithoutCancel(x.r.Context()), portal.Credentials{Jar: jar, Header: q.header, Query: x.queried}, x.fetch)
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
		x.visit.answers.Keep(key, &kept, epoch, x.g.lives(), x.now)
	}
}
