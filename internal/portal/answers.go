package portal

import (
	"strings"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
)

// Key is everything that an answer depends on: whom we ask, the credentials, and the
// headers that portals pin sessions to.
type Key struct {
	// Site tells apart the sites that share a realm, and so a visit, but may stand
	// before different portals or ask differently.
	Site                               *Headers
	Jar                                JarKey
	Host, Agent, Language, Origin      string
	ClientHints, Platform, Mobile, Src string
	// Referer is its host, where that is another; the others claim the client's address.
	Referer, RealIP, ForwardedFor, Forwarded string
	// Query holds declared parameters of the query; usually empty.
	Query string
	// Extra holds declared and unknown headers; usually empty.
	Extra string
}

// AnonymousLife is how long a stranger's answer serves a visit in which every response is
// judged. The others are how long an unknown one is kept, and how many are.
const (
	AnonymousLife = 3 * time.Minute
	unknownLife   = time.Second
	maxAnswers    = 12
)

// Lives is how long answers are believed.
type Lives struct{ User, Anonymous time.Duration }

// presumedLife is how long a sign-in form may lie open before it is filled in.
const presumedLife = 30 * time.Minute

// Answers keeps a visit's answers and shares questions that are in flight.
type Answers struct {
	mu    sync.Mutex
	slots []slot
	calls map[Key]*calls
	// epoch grows with every Forget: an answer to a question of an older epoch is not kept.
	epoch uint64
	// presumed are the credentials that a stranger is presumed to have, for one request.
	presumed slot
}

type slot struct {
	key     Key
	answer  *Answer
	expires time.Time
}

// calls are the questions about one key: one running, and one that starts after it,
// for those who came too late to be served by the one that runs.
type calls struct{ running, next *call }

type call struct {
	done   chan struct{}
	answer *Answer
}

// Kept returns an answer that is still believed, or nil.
func (a *Answers) Kept(key *Key, now time.Time) *Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.slots {
		if s := &a.slots[i]; s.key == *key && now.Before(s.expires) {
			return s.answer
		}
	}
	return nil
}

// Last returns the last answer about the credentials, believed or not, or nil.
func (a *Answers) Last(key *Key) *Answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.slots {
		if a.slots[i].key == *key {
			return a.slots[i].answer
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

// Epoch is the present epoch, for Keep.
func (a *Answers) Epoch() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.epoch
}

// Keep stores an answer to a question that was put in the given epoch.
func (a *Answers) Keep(key Key, answer *Answer, epoch uint64, lives Lives, now time.Time) {
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
	fresh := slot{key, answer, now.Add(life)}
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

// Presume has Presumed say yes, once, to what is asked with this key next.
func (a *Answers) Presume(key Key, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.presumed = slot{key: key.atHome(), expires: now.Add(presumedLife)}
}

// Presumed reports whether the key was presumed to be a stranger's, and ends that: the
// request that asks may change it.
func (a *Answers) Presumed(key Key, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	yes := a.presumed.key == key.atHome() && now.Before(a.presumed.expires)
	if yes {
		a.presumed = slot{}
	}
	return yes
}

// atHome is the key without the Origin that browsers send with forms only, where it is
// the portal's own.
func (k Key) atHome() Key {
	if _, host, found := strings.Cut(k.Origin, "://"); found && strings.EqualFold(host, k.Host) {
		k.Origin = ""
	}
	return k
}

// Ask has put called once for all who ask about the same key at the same time. With
// fresh, a question that started before this call does not do: it may have been
// answered before something happened. put must not depend on the caller's context.
func (a *Answers) Ask(key Key, fresh bool, put func() *Answer) *Answer {
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
		c := &call{done: make(chan struct{})}
		cs.running = c
		a.mu.Unlock()
		a.run(key, cs, c, put)
		return c.answer
	case !fresh:
		c := cs.running
		a.mu.Unlock()
		<-c.done
		return c.answer
	case cs.next == nil:
		before, c := cs.running, &call{done: make(chan struct{})}
		cs.next = c
		a.mu.Unlock()
		<-before.done
		a.run(key, cs, c, put)
		return c.answer
	}
	c := cs.next
	a.mu.Unlock()
	<-c.done
	return c.answer
}

// run puts the question and lets everybody have the answer. A panic in put answers
// unknown to the others before it goes on.
func (a *Answers) run(key Key, cs *calls, c *call, put func() *Answer) {
	c.answer = &Answer{Why: "the question was cut off"}
	defer func() {
		a.mu.Lock()
		cs.running, cs.next = cs.next, nil
		if cs.running == nil {
			delete(a.calls, key)
		}
		a.mu.Unlock()
		close(c.done)
	}()
	c.answer = put()
}
