package gateway

import (
	"context"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/cookie"
	"github.com/secondgate/secondgate/internal/report"
)

// Questions of `mode observe` are put when a visit rests: after its responses, so that
// nobody waits for them, and beside none of its requests, which could wait for the same
// session's lock.
const (
	rest = time.Second
	// runsLong is when a request is taken for a stream or a long poll, which holds no lock.
	runsLong = 10 * time.Second
	// impatient is after how many looks the rest may be short, maxTries when it is given up.
	impatient, maxTries = 5, 30
	// maxQuestions run at one time, maxPending visits wait for theirs.
	maxQuestions, maxPending = 4, 4096
)

// asking puts the questions of one observer.
type asking struct {
	ctx    context.Context
	cancel context.CancelFunc
	slots  chan struct{}
	done   sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	pending int
	// narrow are paths of cookies that whoami gets and other pages don't.
	narrow map[string]bool
	temper temper
	// rehearsing keeps two rehearsals from running at once.
	rehearsing sync.Mutex
}

func newAsking() asking {
	ctx, cancel := context.WithCancel(context.Background())
	return asking{ctx: ctx, cancel: cancel, slots: make(chan struct{}, maxQuestions), narrow: make(map[string]bool)}
}

func (a *asking) stop() {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.cancel()
	a.done.Wait()
}

// arm has the visit asked about when it rests; the caller holds w.mu.
func (ob *observer) arm(v *visit, w *watched) {
	w.rested = time.Now().Add(rest)
	if w.armed {
		return
	}
	ob.mu.Lock()
	full := ob.pending >= maxPending
	if !full && !ob.stopped {
		ob.pending++
		w.armed = true
	}
	ob.mu.Unlock()
	switch {
	case w.armed:
		v.pins.Add(1)
		time.AfterFunc(rest, func() { ob.wake(v, w) })
	case full:
		w.wants = nil
		ob.g.Book.Add(ob.g.Realm, report.Unasked, "too many visits at once")
	}
}

// wake looks whether the visit rests, and puts the question or comes again.
func (ob *observer) wake(v *visit, w *watched) {
	ob.mu.Lock()
	goes := !ob.stopped
	if goes {
		ob.done.Add(1)
	}
	ob.mu.Unlock()
	again := false
	if goes {
		again = ob.look(w)
		ob.done.Done()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if goes && (again || w.wants != nil) {
		time.AfterFunc(rest, func() { ob.wake(v, w) })
		return
	}
	w.armed = false
	v.release()
	ob.mu.Lock()
	ob.pending--
	ob.mu.Unlock()
}

// look puts the question if the visit rests and there is room; again says that it is to
// be tried once more.
func (ob *observer) look(w *watched) (again bool) {
	defer func() {
		if p := recover(); p != nil {
			ob.g.Logger.Error("a question of mode observe panicked", zap.Any("panic", p), zap.Stack("stack"))
			again = false
		}
	}()
	w.mu.Lock()
	if w.wants == nil {
		w.mu.Unlock()
		return false
	}
	if !w.rests(time.Now()) {
		defer w.mu.Unlock()
		if w.tries++; w.tries < maxTries {
			return true
		}
		w.wants = nil
		ob.g.Book.Add(ob.g.Realm, report.Unasked, "the visit never rested")
		return false
	}
	q := w.question(ob)
	w.mu.Unlock()
	select {
	case ob.slots <- struct{}{}:
	case <-ob.ctx.Done():
		return false
	}
	defer func() { <-ob.slots }()
	ob.put(w, q)
	return false
}

// rests reports whether nothing of the visit is under way.
func (w *watched) rests(now time.Time) bool {
	for _, since := range w.running {
		if now.Sub(since) < runsLong {
			return false
		}
	}
	return w.tries >= impatient || !now.Before(w.rested)
}

// audience is one question: about whom, and how the request is made.
type audience struct {
	*basis
	cookies   []portal.Cookie
	jar       *portal.Jar
	kind      signInKind
	convinced bool
	signedIn  bool
	whole     bool
}

// question takes what is to be asked; the caller holds w.mu.
func (w *watched) question(ob *observer) audience {
	q := audience{
		basis: w.wants, cookies: w.jar.cookies(), kind: w.kind, convinced: w.convinced,
		signedIn: w.belief.kind == gate.User, whole: !w.jar.full && (w.clean || w.covered),
	}
	q.jar = portal.PlainJar(q.cookies, ob.g.Leave)
	w.wants, w.kind, w.convinced = nil, unseen, false
	return q
}

// put asks, if that can do no harm, and settles the answer.
func (ob *observer) put(w *watched, q audience) {
	if q.named != "" {
		ob.settle(w, q, portal.Answer{Kind: gate.User, User: q.named, Name: q.named})
		return
	}
	if !q.whole {
		ob.unasked("its session began before it was watched, and may have cookies that were not seen")
		return
	}
	if why := ob.spare(q); why != "" {
		ob.unasked(why)
		return
	}
	began := time.Now()
	a := ob.g.put(ob.ctx, portal.Credentials{Jar: q.jar, Header: q.header, Query: q.x.queried}, q.x.fetch)
	ob.g.Book.AddTime(ob.g.Realm, time.Since(began))
	ob.settle(w, q, *a)
}

func (ob *observer) unasked(why string) { ob.g.Book.Add(ob.g.Realm, report.Unasked, why) }

// settle takes an answer over, and counts what the gate would have made of it.
func (ob *observer) settle(w *watched, q audience, a portal.Answer) {
	w.mu.Lock()
	same := portal.PlainJar(w.jar.cookies(), ob.g.Leave).Key() == q.jar.Key()
	changed := w.receive(q.cookies, a.Changes, ob.g.Clock())
	if ob.ctx.Err() != nil {
		w.mu.Unlock()
		return // what was set is passed on; what was said is not known
	}
	was := w.belief
	w.belief = belief{kind: a.Kind, user: a.User, key: q.jar.Key(), at: ob.g.Clock()}
	if same {
		w.belief.key = portal.PlainJar(w.jar.cookies(), ob.g.Leave).Key()
	}
	w.mu.Unlock()
	switch a.Kind {
	case gate.Unknown:
		ob.g.Book.Add(ob.g.Realm, report.Unknown, a.Why)
		ob.g.Logger.Warn("whoami gave no answer; in mode enforce this would be an error page", zap.String("reason", a.Why))
	case gate.Anonymous:
		if was.kind == gate.User {
			ob.g.Book.Add(ob.g.Realm, report.SignOuts, "")
		}
		ob.regret(changed)
	case gate.User:
		if was.kind != gate.User || was.user != a.User {
			ob.signedIn(q.kind, &a)
		}
	}
}

// signedIn counts a sign-in, and what the gate would have asked for.
func (ob *observer) signedIn(kind signInKind, a *portal.Answer) {
	g := ob.g
	g.Book.Add(g.Realm, report.SignIns, report.SignInKinds[kind])
	user, err := g.user(ob.ctx, a)
	switch {
	case err != nil:
		g.Logger.Error("store failed while a sign-in was observed", zap.Error(err))
	case user.Activated():
		g.Book.Add(g.Realm, report.UserChallenged, a.User)
	case g.Required:
		g.Book.Add(g.Realm, report.UserEnrolled, a.User)
	default:
		g.Book.Add(g.Realm, report.UserFree, a.User)
	}
}

// covers reports whether a browser that asks for path sends every cookie that it would
// send to whoami.
func (ob *observer) covers(path string) bool {
	if ob.g.Asker == nil {
		return true
	}
	for _, asked := range ob.asked() {
		if !strings.HasPrefix(path, asked[:strings.LastIndexByte(asked, '/')+1]) {
			return false
		}
		ob.mu.Lock()
		for p := range ob.narrow {
			if cookie.PathMatch(p, asked) && !cookie.PathMatch(p, path) {
				ob.mu.Unlock()
				return false
			}
		}
		ob.mu.Unlock()
	}
	return true
}

// asked are the paths that questions go to.
func (ob *observer) asked() (paths []string) {
	add := func(uri string) {
		path, _, _ := strings.Cut(uri, "?")
		paths = append(paths, path)
	}
	for _, q := range ob.g.Asker.Questions {
		add(q.URI())
		if first, ok := q.First(); ok {
			add(first)
		}
	}
	return paths
}

// maxNarrow bounds the paths that are remembered.
const maxNarrow = 64

// learn remembers the path of a cookie.
func (ob *observer) learn(path string) {
	if path == "/" {
		return
	}
	ob.mu.Lock()
	defer ob.mu.Unlock()
	if len(ob.narrow) < maxNarrow {
		ob.narrow[path] = true
	}
}
