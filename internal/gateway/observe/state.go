package observe

import (
	"net/http"
	"sync"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/request"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
)

// state is what `mode observe` knows of one visit. It only affects the report, never whether a
// request is forwarded.
type state struct {
	mu  sync.Mutex
	jar jar
	// before has the names of cookies that the visit's first request carried, that may be
	// credentials, and that no observed response set. covered says that some request went to a path
	// to which the browser sends all cookies that whoami gets. If before is not empty and covered
	// is false, the browser may have cookies that were never observed; the portal is then not
	// asked.
	before  []string
	covered bool

	answer answer
	// byHeader says that the portal recognises the user by a header. Requests without that
	// header, such as pages, then don't tell who is signed in.
	byHeader bool

	// pending is the request that the next question is derived from; nil if no question is due.
	// kind is the most reliable sign of a sign-in since the last question. likely says that a
	// response since then looked like that of a successful sign-in.
	pending *template
	kind    signInKind
	likely  bool
	// scheduled says that a goroutine will ask the question; tries is how often it found the
	// visit busy.
	scheduled bool
	tries     int
	// running are the open requests and when they began; nil before the first. idleAt is when the
	// visit counts as idle after the last request that ended.
	running map[*observation]time.Time
	idleAt  time.Time
}

// stateOf returns the state of a visit. If the visit has none yet, stateOf makes fresh its state.
func stateOf(v *visits.Visit, fresh *state) *state {
	var s any = fresh
	v.Observed.CompareAndSwap(nil, &s)
	return (*v.Observed.Load()).(*state)
}

// credentials returns a jar of the portal's cookies in the browser; the caller holds mu.
func (s *state) credentials(policy *portal.CookiePolicy) *portal.Jar {
	return portal.PlainJar(s.jar.list(), policy)
}

// signedOut records, without a question, that no user is signed in. It reports whether one was;
// the caller holds mu.
func (s *state) signedOut(now time.Time) bool {
	was := s.answer.kind == gate.User
	s.answer = answer{kind: gate.Anonymous, at: now}
	s.pending, s.kind, s.likely = nil, unseen, false
	return was
}

// answer is the last answer about a visit. The zero value is Unknown.
type answer struct {
	kind gate.Answer
	user string
	key  portal.JarKey
	at   time.Time
}

// standing returns the standing that the answer would give in `mode enforce`, if every user had a
// second factor and had passed it.
func (a answer) standing() gate.Standing {
	return gate.Standing{Answer: a.kind, Enrolled: a.kind == gate.User, Cleared: a.kind == gate.User}
}

// outdated reports whether `mode enforce` would ask again about a jar with this key.
func (a answer) outdated(key portal.JarKey, recheck time.Duration, now time.Time) bool {
	life := recheck
	if a.kind == gate.Anonymous {
		life = visits.AnonymousLife
	}
	return a.kind == gate.Unknown || a.key != key || now.Sub(a.at) >= life
}

// signInKind is how a sign-in was detected, the most reliable sign first, as in
// report.SignInKinds.
type signInKind int

const (
	byPath signInKind = iota
	byField
	byPost
	byGet
	unseen
)

// template is the request that a question is derived from.
type template struct {
	facts  *request.Facts
	next   Next
	header http.Header
	// user is the id from the placeholder of the setting `user`. If it is set, the portal is not
	// asked.
	user string
}
