package observe

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/event"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/cookie"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/report"
)

// Questions are asked while a visit is idle. They are asked after its responses, so that no
// request waits for them, and not while its requests are open, because the portal may hold the
// session's lock.
const (
	// idleTime is how long after its last request a visit counts as idle.
	idleTime = time.Second
	// longTime is how long a request runs before it counts as a stream or a long poll, which
	// hold no lock.
	longTime = 10 * time.Second
	// After hastyTries a visit counts as idle without idleTime; after maxTries the question
	// is given up.
	hastyTries, maxTries = 5, 30
	// maxQuestions run at one time, and maxPending visits wait for theirs.
	maxQuestions, maxPending = 4, 4096
	// maxNarrow bounds the cookie paths that are remembered.
	maxNarrow = 64
)

// questions runs the questions of one observer in the background.
type questions struct {
	ctx    context.Context
	cancel context.CancelFunc
	slots  chan struct{}

	mu sync.Mutex
	// waiting are the visits that wait for their question.
	waiting errgroup.Group
	// narrow has the paths other than "/" for which the portal has set cookies; see covers.
	narrow map[string]bool
}

func newQuestions() *questions {
	qs := &questions{slots: make(chan struct{}, maxQuestions), narrow: make(map[string]bool)}
	qs.ctx, qs.cancel = context.WithCancel(context.Background())
	qs.waiting.SetLimit(maxPending)
	return qs
}

// Stop ends the questions. Later requests are still served.
func (qs *questions) Stop() {
	qs.mu.Lock()
	qs.cancel()
	qs.mu.Unlock()
	_ = qs.waiting.Wait()
}

// start runs fn in the background, unless too many visits wait or the observer stops.
func (qs *questions) start(fn func()) bool {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	return qs.ctx.Err() == nil && qs.waiting.TryGo(func() error { fn(); return nil })
}

// schedule asks the pending question once the visit is idle; the caller holds s.mu.
func (ob *Observer) schedule(v *visits.Visit, s *state) {
	s.idleAt = time.Now().Add(idleTime)
	if s.scheduled {
		return
	}
	v.Pin()
	if s.scheduled = ob.start(func() { ob.run(v, s) }); s.scheduled {
		return
	}
	v.Release()
	if ob.ctx.Err() == nil {
		s.pending = nil
		ob.count(report.Unasked, "too many visits at once")
	}
}

// run asks the visit's questions until none is pending.
func (ob *Observer) run(v *visits.Visit, s *state) {
	defer v.Release()
	tick := time.NewTicker(idleTime)
	defer tick.Stop()
	for more := true; more; {
		select {
		case <-tick.C:
		case <-ob.ctx.Done():
		}
		more = false
		ob.guard(func() { more = ob.putPending(s) })
		s.mu.Lock()
		more = more && s.pending != nil && ob.ctx.Err() == nil
		s.scheduled = more
		s.mu.Unlock()
	}
}

// putPending asks the pending question if the visit is idle. It returns false if the observer
// stops.
func (ob *Observer) putPending(s *state) bool {
	s.mu.Lock()
	if !s.idle(time.Now()) {
		defer s.mu.Unlock()
		if s.tries++; s.tries >= maxTries {
			s.pending = nil
			ob.count(report.Unasked, "the visit always had open requests")
		}
		return true
	}
	if s.pending == nil {
		s.mu.Unlock()
		return true
	}
	q := s.question(ob.CookiePolicy)
	s.mu.Unlock()
	select {
	case ob.slots <- struct{}{}:
	case <-ob.ctx.Done():
		return false
	}
	defer func() { <-ob.slots }()
	ob.put(s, q)
	return true
}

// idle reports whether no request of the visit is open; the caller holds s.mu.
func (s *state) idle(now time.Time) bool {
	for _, since := range s.running {
		if now.Sub(since) < longTime {
			return false
		}
	}
	return s.tries >= hastyTries || !now.Before(s.idleAt)
}

// question is one question about a visit.
type question struct {
	*template
	// jar is the browser's credentials, cookies the same as a list.
	jar     *portal.Jar
	cookies []portal.Cookie
	kind    signInKind
	// likely says that a sign-in probably succeeded, signedIn that a user was signed in by the last
	// answer, whole that jar has all cookies that the browser has.
	likely, signedIn, whole bool
}

// question returns the pending question and marks it as no longer pending; the caller holds s.mu.
func (s *state) question(policy *portal.CookiePolicy) question {
	q := question{
		template: s.pending, cookies: s.jar.list(), kind: s.kind, likely: s.likely,
		signedIn: s.answer.kind == gate.User, whole: !s.jar.incomplete && (len(s.before) == 0 || s.covered),
	}
	q.jar = portal.PlainJar(q.cookies, policy)
	s.pending, s.kind, s.likely = nil, unseen, false
	return q
}

// put asks the portal and stores the answer. It counts the question as unasked if cookies may be
// missing or if the question would have side effects (see harms).
func (ob *Observer) put(s *state, q question) {
	if q.user != "" {
		ob.take(s, q, portal.Answer{Kind: gate.User, User: q.user, Name: q.user})
		return
	}
	if !q.whole {
		ob.count(report.Unasked, "the session began before mode observe, and may have cookies that were not observed")
		return
	}
	if why := ob.harms(q); why != "" {
		ob.count(report.Unasked, why)
		return
	}
	began := time.Now()
	a := ob.Asker.Ask(ob.ctx, portal.Credentials{Jar: q.jar, Header: q.header, Query: q.facts.Queried}, ob.fetcher(q.template))
	ob.Events.Answered(a.Kind, time.Since(began))
	ob.Events.Book.AddTime(ob.Realm, time.Since(began))
	ob.take(s, q, a)
}

// fetcher sends questions through the route of the request that they are derived from.
func (ob *Observer) fetcher(t *template) portal.Fetch {
	return func(ctx context.Context, uri string, header http.Header) (whoami.Response, error) {
		return ob.Fetch(ctx, t.next, t.facts.R, uri, header)
	}
}

// take stores an answer, and counts what `mode enforce` would have done with it.
func (ob *Observer) take(s *state, q question, a portal.Answer) {
	s.mu.Lock()
	unchanged := s.credentials(ob.CookiePolicy).Key() == q.jar.Key()
	replaced := s.jar.replace(q.cookies, a.Changes, ob.Clock())
	if ob.ctx.Err() != nil {
		s.mu.Unlock()
		return // the question was interrupted: only the cookies that it set are used
	}
	was := s.answer
	s.answer = answer{kind: a.Kind, user: a.User, key: q.jar.Key(), at: ob.Clock()}
	if unchanged {
		s.answer.key = s.credentials(ob.CookiePolicy).Key()
	}
	s.mu.Unlock()
	switch {
	case a.Kind == gate.Unknown:
		ob.count(report.Unknown, a.Why)
		ob.Events.Log.Warn("whoami gave no answer; in mode enforce this would be an error page", zap.String("reason", a.Why))
	case a.Kind == gate.Anonymous:
		if was.kind == gate.User {
			ob.count(report.SignOuts, "")
		}
		ob.haltIf(replaced)
	case was.kind != gate.User || was.user != a.User:
		ob.signedIn(q, &a)
	}
}

// signedIn counts a sign-in, and the factor that the gate would have required.
func (ob *Observer) signedIn(q question, a *portal.Answer) {
	ob.count(report.SignIns, report.SignInKinds[q.kind])
	user, err := ob.Users.Record(ob.ctx, a)
	switch {
	case err != nil:
		ob.Events.Failed("store failed while a sign-in was observed", err, event.Subject{User: a.User})
	case user.Activated():
		ob.count(report.UserChallenged, a.User)
	case ob.Required:
		ob.count(report.UserEnrolled, a.User)
	default:
		ob.count(report.UserFree, a.User)
	}
}

// covers reports whether a browser sends to path every cookie that it would send to whoami. It
// uses the paths of the portal's cookies that are known so far.
func (ob *Observer) covers(path string) bool {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	for _, asked := range ob.Asked {
		if !strings.HasPrefix(path, asked[:strings.LastIndexByte(asked, '/')+1]) {
			return false
		}
		for p := range ob.narrow {
			if cookie.PathMatch(p, asked) && !cookie.PathMatch(p, path) {
				return false
			}
		}
	}
	return true
}

// learn remembers the path of a cookie that the portal set.
func (ob *Observer) learn(path string) {
	ob.mu.Lock()
	defer ob.mu.Unlock()
	if path != "/" && len(ob.narrow) < maxNarrow {
		ob.narrow[path] = true
	}
}
