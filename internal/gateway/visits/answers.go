package visits

import (
	"slices"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
)

// Key is everything that an answer depends on.
type Key struct {
	Pins portal.Pins
	// View identifies the cookies that the question carried.
	View portal.JarKey
	// Own says that each question carried the cookies of its own path, not those of the
	// request.
	Own     bool
	Varying portal.Varying
}

// AnonymousLife is how long an anonymous answer is used in a visit in which every response is
// checked. The other constants are how long an unknown answer is kept, and how many answers are
// kept.
const (
	AnonymousLife = 3 * time.Minute
	unknownLife   = time.Second
	maxAnswers    = 24
)

// Lives is how long answers are used before the portal is asked again.
type Lives struct{ User, Anonymous time.Duration }

// presumedLife is how long a sign-in form may lie open before it is filled in.
const presumedLife = 30 * time.Minute

// Answers keeps a visit's answers and shares questions that are in flight. It is safe for
// concurrent use.
type Answers struct {
	mu    sync.Mutex
	slots []slot
	calls map[Key]*calls
	// epoch grows with every Forget: an answer to a question of an older epoch is not kept.
	epoch uint64
	// until is the latest expiry of answers; it is ignored once it has passed. See Settle.
	until time.Time
	// presumed are credentials that are presumed to be anonymous for one request.
	presumed slot
}

type slot struct {
	key     Key
	answer  *portal.Answer
	expires time.Time
	// brief is when the answer expires for requests without a response check. It is never later
	// than the expiry of an answer that names a user.
	brief time.Time
}

// calls are the questions about one key: one that runs, and one that starts after it. The second
// serves the callers for which the running one began too early.
type calls struct{ running, next *call }

type call struct {
	done   chan struct{}
	answer *portal.Answer
	// epoch and began are the epoch and the time in which the question began.
	epoch uint64
	began time.Time
}

// Kept returns an unexpired answer, or nil. If all answers about these credentials name one
// user, the varying values are not compared and exact is false. Such an answer may be used only
// for a user who may pass (design rule Q1). brief is true if an anonymous answer does not lead
// to a response check: for one of several questions, because another may name a user; under
// `watch unsafe`; and where strangers are refused.
func (a *Answers) Kept(key *Key, varying func() portal.Varying, now time.Time, brief bool) (answer *portal.Answer, exact bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	answer, alike := a.alike(key, now, brief)
	if answer == nil || alike {
		return answer, false
	}
	return a.exact(key, varying(), now, brief), true
}

// alike returns an unexpired answer, or nil. alike says that all answers about these credentials
// name its user. brief is as in Kept. The caller holds mu.
func (a *Answers) alike(key *Key, now time.Time, brief bool) (answer *portal.Answer, alike bool) {
	alike = true
	for i := range a.slots {
		s := &a.slots[i]
		if !s.serves(key, now, brief) {
			continue
		}
		alike = alike && s.answer.Kind == gate.User && (answer == nil || answer.User == s.answer.User)
		answer = s.answer
	}
	return answer, alike
}

func (s *slot) serves(key *Key, now time.Time, brief bool) bool {
	expires := s.expires
	if brief {
		expires = s.brief
	}
	return s.about(key) && now.Before(expires)
}

// about reports whether the answer is about the key's credentials; it ignores the varying
// values.
func (s *slot) about(key *Key) bool {
	return s.key.View == key.View && s.key.Own == key.Own && s.key.Pins == key.Pins
}

// Exact returns an unexpired answer that was given for exactly these varying values, or nil.
func (a *Answers) Exact(key *Key, now time.Time, brief bool) *portal.Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.exact(key, key.Varying, now, brief)
}

func (a *Answers) exact(key *Key, varying portal.Varying, now time.Time, brief bool) *portal.Answer {
	for i := range a.slots {
		if s := &a.slots[i]; s.serves(key, now, brief) && s.key.Varying == varying {
			return s.answer
		}
	}
	return nil
}

// Forget drops every answer, and those of questions that run now. It returns the new epoch.
func (a *Answers) Forget() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.slots, a.presumed = a.slots[:0], slot{}
	a.epoch++
	return a.epoch
}

// Suspended are anonymous answers that a request dropped; see Suspend.
type Suspended struct {
	slots []slot
	epoch uint64
}

// Suspend is Forget for a request that may change who is signed in. It returns the anonymous
// answers, so that Restore can restore them if the request changed nothing.
func (a *Answers) Suspend() (s Suspended) {
	a.mu.Lock()
	for i := range a.slots {
		if a.slots[i].answer.Kind == gate.Anonymous {
			s.slots = append(s.slots, a.slots[i])
		}
	}
	a.mu.Unlock()
	s.epoch = a.Forget()
	return s
}

// Restore restores the suspended answers about the key's credentials. Each answer keeps its own
// varying values and its own expiry. Restore does nothing if other answers were forgotten since.
// The caller has asked the portal again: the credentials are still anonymous. A restored answer
// is used only for requests with a response check.
func (a *Answers) Restore(s Suspended, key *Key, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s.epoch != a.epoch {
		return
	}
	for _, old := range s.slots {
		old.brief = time.Time{}
		if now.Before(a.until) {
			old.settle(a.until)
		}
		if old.about(key) && len(a.slots) < maxAnswers && !slices.ContainsFunc(a.slots, func(o slot) bool { return o.key == old.key }) {
			a.slots = append(a.slots, old)
		}
	}
}

// ForgetOthers drops the answers that do not name the user, and those of questions that run
// now. It reports whether there were any answers or questions.
func (a *Answers) ForgetOthers(user string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	before := len(a.slots)
	a.slots = slices.DeleteFunc(a.slots, func(s slot) bool {
		return s.answer.Kind == gate.Anonymous || s.answer.Kind == gate.User && s.answer.User != user
	})
	if len(a.slots) == before && len(a.calls) == 0 {
		return false
	}
	a.presumed = slot{}
	a.epoch++
	return true
}

// Epoch is the present epoch, for Keep.
func (a *Answers) Epoch() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.epoch
}

// Keep stores an answer to a question that was put in the given epoch.
func (a *Answers) Keep(key Key, answer *portal.Answer, epoch uint64, lives Lives, now time.Time) {
	life := lives.User
	switch answer.Kind {
	case gate.Anonymous:
		life = lives.Anonymous
	case gate.Unknown:
		life = unknownLife
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if epoch != a.epoch || life <= 0 {
		return
	}
	fresh := slot{key, answer, now.Add(life), now.Add(min(life, lives.User))}
	if now.Before(a.until) {
		fresh.settle(a.until)
	}
	oldest := 0
	for i := range a.slots {
		if a.slots[i].key == key {
			a.slots[i] = fresh
			return
		}
		if a.slots[i].expires.Before(a.slots[oldest].expires) {
			oldest = i
		}
	}
	if len(a.slots) < maxAnswers {
		a.slots = append(a.slots, fresh)
		return
	}
	a.slots[oldest] = fresh
}

// Settle makes every answer expire at until, also the answers that are kept before then. Until
// then, the portal may commit a sign-in without a further request of the visit.
func (a *Answers) Settle(until time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if until.After(a.until) {
		a.until = until
	}
	for i := range a.slots {
		a.slots[i].settle(until)
	}
}

// settling returns the latest argument of Settle.
func (a *Answers) settling() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.until
}

func (s *slot) settle(until time.Time) {
	if until.Before(s.expires) {
		s.expires = until
	}
	if until.Before(s.brief) {
		s.brief = until
	}
}

// Presume makes the next Presumed with this key return true, once.
func (a *Answers) Presume(key Key, now time.Time) {
	key.Varying = portal.Varying{}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.presumed = slot{key: key, expires: now.Add(presumedLife)}
}

// Presumed reports whether the credentials are presumed to be anonymous, and ends the
// presumption: the request that asks may change it.
func (a *Answers) Presumed(key Key, now time.Time) bool {
	key.Varying = portal.Varying{}
	a.mu.Lock()
	defer a.mu.Unlock()
	yes := a.presumed.key == key && now.Before(a.presumed.expires)
	if yes {
		a.presumed = slot{}
	}
	return yes
}

// Ask is single-flight: it calls put once for all callers that ask about the same key at the
// same time. It returns the answer and when the question began, or somewhat earlier. It does not
// use a question of an older epoch or of an unsettled visit, and with fresh none that started
// before this call, because the answer may be older than the change that the caller asks about.
// put must not depend on the caller's context.
func (a *Answers) Ask(key Key, fresh bool, now time.Time, put func() *portal.Answer) (*portal.Answer, time.Time) {
	a.mu.Lock()
	cs := a.calls[key]
	if cs == nil {
		cs = &calls{}
		if a.calls == nil {
			a.calls = make(map[Key]*calls)
		}
		a.calls[key] = cs
	}
	switch {
	case cs.running == nil:
		c := &call{done: make(chan struct{}), epoch: a.epoch, began: now}
		cs.running = c
		a.mu.Unlock()
		a.run(key, cs, c, put)
		return c.answer, c.began
	case !fresh && cs.running.epoch == a.epoch && !cs.running.began.Before(a.until):
		c := cs.running
		a.mu.Unlock()
		<-c.done
		return c.answer, c.began
	case cs.next == nil:
		before, c := cs.running, &call{done: make(chan struct{}), began: now}
		cs.next = c
		a.mu.Unlock()
		<-before.done
		a.run(key, cs, c, put)
		return c.answer, c.began
	}
	c := cs.next
	a.mu.Unlock()
	<-c.done
	return c.answer, c.began
}

// run calls put and gives the answer to all waiting callers. If put panics, they get Unknown
// before the panic continues.
func (a *Answers) run(key Key, cs *calls, c *call, put func() *portal.Answer) {
	c.answer = &portal.Answer{Why: "the question was cut off"}
	defer func() {
		a.mu.Lock()
		cs.running, cs.next = cs.next, nil
		if cs.running == nil {
			delete(a.calls, key)
		} else {
			cs.running.epoch = a.epoch
		}
		a.mu.Unlock()
		close(c.done)
	}()
	c.answer = put()
}
