package gateway

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/secondgate/secondgate/internal/gate"
	"github.com/secondgate/secondgate/internal/gateway/visits"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// strangers is the answer for a request without credentials. It needs no question.
var strangers = &portal.Answer{Kind: gate.Anonymous}

// subject is what a question is about: the credentials of one request, before or after
// its response.
type subject struct {
	jar *portal.Jar
	// header returns the header that the question's header is derived from. pins and carries are
	// derived from it, too.
	header  func() http.Header
	pins    portal.Pins
	carries bool
	// changed are the cookies that the response changed. plans adds questions with the cookies of
	// their paths (design rule Q2).
	changed []portal.Change
	// freshly forbids the use of a question that began before now. kept permits an answer from
	// the visit's cache; exactly requires that it was given for the same varying values.
	freshly, kept, exactly bool
	// after says that the question is about a response. askPlan does not cache its answer;
	// keepAfter does, once the response was decided on.
	after bool
}

// present returns the request's own credentials, with the changes that were taken so far.
func (x *exchange) present() subject {
	return subject{jar: x.jar, header: x.questionHeader, pins: x.facts.Pins, carries: x.facts.Carries}
}

// questionHeader derives the question's header from the request (design rule Q1).
func (x *exchange) questionHeader() http.Header {
	if x.question == nil {
		x.question = x.g.Headers.Question(x.facts.R.Header)
	}
	return x.question
}

// plan is one question: whoami with the cookies that a request to path carries.
type plan struct {
	path string // "" gives each whoami the cookies of its own path
	// view identifies these cookies in the answer's key. free is the view with the public cookies
	// that the key's varying values are computed from.
	view portal.JarKey
	free portal.View
	// jar is used in place of the subject's; nil for none.
	jar *portal.Jar
}

// plans returns the questions that a subject needs (design rule Q2):
//
//  1. one with exactly the Cookie header of the request;
//  2. one with the cookies of the whoamis' own paths, if these differ;
//  3. one for the path of each changed cookie, if it gets yet another header;
//  4. one without the older twins of changed cookies, because portals differ in which of two
//     cookies of one name they use.
func (x *exchange) plans(s *subject) []plan {
	here := s.jar.View(x.path)
	list := []plan{{path: x.path, view: here.Key, free: here}}
	if x.ownPage {
		list = nil // an own page is not forwarded; all cookies of the browser are asked about
		s.changed = s.jar.Sealings()
	}
	if own, differs := x.ownView(s.jar, here); differs {
		list = append(list, plan{view: own, free: here})
	} else if x.ownPage {
		list = append(list, plan{path: x.g.asked[0], view: here.Key, free: here})
	}
	for _, path := range s.changedPaths() {
		there := s.jar.View(path)
		if !slices.ContainsFunc(list, func(p plan) bool { return p.path != "" && p.view == there.Key }) {
			list = append(list, plan{path: path, view: there.Key, free: there})
		}
	}
	if only, twins := s.jar.WithoutTwins(s.changed); twins {
		there := only.View(portal.Everywhere)
		list = append(list, plan{path: portal.Everywhere, view: there.Key, free: there, jar: only})
	}
	return list
}

// changedPaths returns the paths of the cookies that a response set, and Everywhere, which gets
// all cookies: a portal may need several of them together.
func (s *subject) changedPaths() (paths []string) {
	for _, ch := range s.changed {
		if !ch.Delete && ch.Class == portal.Sealed {
			paths = append(paths, ch.Path)
		}
	}
	if len(paths) > 0 {
		paths = append(paths, portal.Everywhere)
	}
	return paths
}

// uncovered returns the name of a cookie that the request carries and no question does; empty for
// none. If the request may sign a user in, the cookies that its response set count as well. ask
// answers unknown then.
func (x *exchange) uncovered(s *subject) string {
	name := s.jar.Uncovered(x.path, x.g.asked)
	if name != "" || !x.mayChange() {
		return name
	}
	for _, path := range s.changedPaths() {
		if name = s.jar.Uncovered(path, x.g.asked); name != "" && path != portal.Everywhere {
			return name
		}
	}
	return ""
}

// ownView returns the key of the cookies that the whoamis' own paths get. here is the view of the
// request's path; differs says that the whoamis get other cookies than it.
func (x *exchange) ownView(jar *portal.Jar, here portal.View) (key portal.JarKey, differs bool) {
	for _, path := range x.g.asked {
		differs = differs || jar.View(path).Key != here.Key
	}
	if !differs {
		return here.Key, false
	}
	var all []byte
	for _, path := range x.g.asked {
		there := jar.View(path)
		all = append(all, there.Key[:]...)
	}
	return sha256.Sum256(all), true
}

// ask answers all questions that s needs, from the cache or by asking the portal, and combines
// the answers. The result has the Changes of all of them.
func (x *exchange) ask(ctx context.Context, s subject) *portal.Answer {
	if name := x.uncovered(&s); name != "" && !x.ownPage {
		return &portal.Answer{Why: fmt.Sprintf("the portal's cookie %s is sent to this path and to no whoami: add a whoami below the cookie's path, "+
			"or `leave %s` if it says nothing about who is signed in", name, name)}
	}
	list := x.plans(&s)
	if len(list) == 1 {
		return x.askPlan(ctx, &s, list[0], false)
	}
	var answers []portal.Answer
	for _, p := range list {
		a := x.askPlan(ctx, &s, p, true)
		answers = append(answers, *a)
		if a.Kind == gate.Unknown {
			break
		}
		s.jar = s.jar.Apply(a.Changes)
	}
	all := portal.Combine(answers...)
	return &all
}

// askPlan answers one question, from the cache or by asking the portal, and caches the answer.
// part says that it is one of several.
func (x *exchange) askPlan(ctx context.Context, s *subject, p plan, part bool) *portal.Answer {
	key := visits.Key{Pins: s.pins, View: p.view, Own: p.path == ""}
	jar := cmp.Or(p.jar, s.jar)
	put := func() *portal.Answer {
		// Other requests may wait for this answer: it does not end with this one.
		return x.put(context.WithoutCancel(ctx), portal.Credentials{Jar: jar, Path: p.path, Header: s.header(), Query: x.facts.Queried, Added: x.facts.Client.Added})
	}
	if x.visit == nil {
		return put()
	}
	answers, brief := &x.visit.Answers, part || x.staysUnchecked()
	varying := func() portal.Varying { return x.g.Headers.Varying(s.header(), p.free) }
	kept := s.kept && x.usable()
	if kept && !s.exactly {
		if a, exact := answers.Kept(&key, varying, x.now, brief); a != nil && (exact || a.Kind == gate.User) {
			return a
		}
	}
	key.Varying = varying()
	if kept {
		if a := answers.Exact(&key, x.now, brief); a != nil {
			return a
		}
	}
	epoch := answers.Epoch()
	if x.visit.Token == "" {
		// Several browsers may share a nameless visit. Cookies that a question set are for the
		// browser that asked it; a request that only shared the question asks its own.
		own := false
		a, began := answers.Ask(key, s.freshly || x.g.Recheck == 0, x.g.Clock(), func() *portal.Answer { own = true; return put() })
		switch {
		case !own && len(a.Changes) > 0:
			return put()
		case !s.after && len(a.Changes) == 0:
			x.keep(key, p, jar, a, epoch, began)
		}
		return a
	}
	// Under `recheck 0` every request asks: it must not share a question that began earlier.
	a, began := answers.Ask(key, s.freshly || x.g.Recheck == 0, x.g.Clock(), put)
	if !s.after {
		x.keep(key, p, jar, a, epoch, began)
	}
	return a
}

// usable reports whether cached answers may be used. They may not while the portal may still
// execute a sign-in that was given up: it would carry the request out as that user.
func (x *exchange) usable() bool { return x.g.Rotates || !x.visit.Slow(x.now) }

// staysUnchecked reports whether an anonymous answer leads to no response check: under `watch
// unsafe`, for own pages and upgrades, and where strangers are refused. No check then detects a
// sign-in that the portal committed after the question, so the cache uses the shorter life (see
// [visits.Answers.Kept]).
func (x *exchange) staysUnchecked() bool {
	fenced := x.g.site.Rules.Guest != nil && !x.facts.Guest
	return x.g.WatchUnsafe || x.ownPage || x.facts.Upgrade || fenced
}

// put asks the portal and counts the answer. It first charges the question to the visit and to
// the client's address; above the limit the answer is unknown. The first question about a
// response is charged to the address only: it costs the portal no more than the request did, and
// a page may have hundreds of pictures.
func (x *exchange) put(ctx context.Context, c portal.Credentials) *portal.Answer {
	v := x.visit
	if x.reached && !x.asked {
		v = nil
	}
	x.asked = true
	if !x.live() && !x.mayPass() && !x.g.Visits.MayAsk(v, x.facts.Client.Address, x.g.Clock()) {
		return &portal.Answer{Why: "too many questions in a short time by one visit or address"}
	}
	began := time.Now()
	a := x.g.Asker.Ask(ctx, c, x.fetch)
	x.g.events.Answered(a.Kind, time.Since(began))
	return &a
}

// mayPass reports whether the visit's user was last found to be one who may pass. It stays true
// while no answer is cached, as after a form. It decides how much is asked and which requests wait,
// never who passes.
func (x *exchange) mayPass() bool { return x.visit != nil && x.visit.MayPass.Load() }

// fetch puts one whoami question through the request's own route.
func (x *exchange) fetch(ctx context.Context, uri string, header http.Header) (whoami.Response, error) {
	return x.g.Fetch(ctx, x.next, x.facts.R, uri, header)
}

// keep caches an answer for the visit's later requests, unless another changer is open that may
// make it wrong. epoch and began are from before the question.
func (x *exchange) keep(key visits.Key, p plan, asked *portal.Jar, a *portal.Answer, epoch uint64, began time.Time) {
	if x.visit.Requests.Changers(x.changers()) {
		return
	}
	x.visit.Answers.Keep(key, a, epoch, x.g.lives(), began)
	if len(a.Changes) == 0 || a.Kind == gate.Unknown {
		return
	}
	// The question itself changed cookies. A request with the old ones takes the answer with its
	// changes, and goes on with the new ones, for which the answer is cached as well.
	renewed := *a
	renewed.Changes = nil
	jar := asked.Apply(a.Changes)
	view := jar.View(p.path)
	key.View = view.Key
	if p.path == "" {
		key.View, key.Own = x.ownView(jar, jar.View(x.path))
	}
	x.visit.Answers.Keep(key, &renewed, epoch, x.g.lives(), began)
}

// lives is how long cached answers are used. An anonymous answer is used for some minutes,
// because every response to a stranger is checked. Under `watch unsafe` that is not so, and it is
// used no longer than a user's.
func (g *Gateway) lives() visits.Lives {
	lives := visits.Lives{User: g.Recheck, Anonymous: visits.AnonymousLife}
	if g.WatchUnsafe {
		lives.Anonymous = min(lives.Anonymous, g.Recheck)
	}
	return lives
}
