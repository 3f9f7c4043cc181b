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

// strangers is the answer that needs no question: nothing on the request could tell
// the portal who it is.
var strangers = &portal.Answer{Kind: gate.Anonymous}

// subject is what a question is about: the credentials of one request, before or after
// its response.
type subject struct {
	jar *portal.Jar
	// header is what the question's header starts from; pins and carries are of it.
	header  func() http.Header
	pins    portal.Pins
	carries bool
	// changed are the cookies that the response changed. A question is also put with the
	// cookies of their own paths (design rule Q2).
	changed []portal.Change
	// freshly says that no question is enough that began before now. kept says that an
	// answer of earlier may serve, exactly that it must have the same varying values.
	freshly, kept, exactly bool
	// after says that the question is about a response; its answer is kept when the
	// response was decided on.
	after bool
}

// present is the request's own credentials as they now are.
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

// plan is one question: whoami with the cookies of one path, or of each whoami's own.
type plan struct {
	path string // "" for each whoami's own
	view portal.JarKey
	free portal.View
	// jar is another than the subject's, or nil.
	jar *portal.Jar
}

// plans are the questions that a subject needs so that one of them carried exactly the
// Cookie header of the request, and whoami's own and every changed cookie's path were
// asked about where they get another header (design rule Q2).
func (x *exchange) plans(s *subject) []plan {
	here := s.jar.View(x.path)
	list := []plan{{path: x.path, view: here.Key, free: here}}
	if x.ownPage {
		list = nil // an own page is not forwarded: whatever cookies the browser has count
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

// changedPaths are the paths of the cookies that a response set, and Everywhere: a portal
// may need several of them.
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

// uncovered returns the name of a cookie that no question can tell the worth of: one that
// the request carries, or that the response to one which may sign a user in set.
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

// ownView stands for the cookies that the whoamis' own paths get, and says whether they
// differ from what the request's path gets.
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

// ask asks about the subject, or takes kept answers, and combines them. A copy that it
// returns has the changes of all of them.
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

// askPlan puts one question, or takes a kept answer to it. part says that it is one of
// several.
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
	if s.kept && !s.exactly {
		if a, exact := answers.Kept(&key, varying, x.now, brief); a != nil && (exact || a.Kind == gate.User) {
			return a
		}
	}
	key.Varying = varying()
	if s.kept {
		if a := answers.Exact(&key, x.now, brief); a != nil {
			return a
		}
	}
	epoch := answers.Epoch()
	if x.visit.Token == "" {
		// A visit that is named by its credentials may be several browsers': what a question
		// set is for one of them.
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
	// Where every request asks, no request shares a question that began earlier.
	a, began := answers.Ask(key, s.freshly || x.g.Recheck == 0, x.g.Clock(), put)
	if !s.after {
		x.keep(key, p, jar, a, epoch, began)
	}
	return a
}

// staysUnchecked reports whether an anonymous answer leads to no response that is checked:
// under `watch unsafe`, and where strangers are refused. No response tells then that the
// portal committed a sign-in after the question.
func (x *exchange) staysUnchecked() bool {
	fenced := x.g.site.Rules.Guest != nil && !x.facts.Guest
	return x.g.WatchUnsafe || x.ownPage || x.facts.Upgrade || fenced
}

// put puts whoami's questions, and counts what they showed. One question about a response
// counts for its address only: it costs the portal no more than the request did, and a page
// may have hundreds of pictures.
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

// mayPass reports whether the visit's user was last found to be one who may pass. That
// holds across the requests after which no answer is kept.
func (x *exchange) mayPass() bool { return x.visit != nil && x.visit.MayPass.Load() }

// fetch puts one whoami question through the request's own route.
func (x *exchange) fetch(ctx context.Context, uri string, header http.Header) (whoami.Response, error) {
	return x.g.Fetch(ctx, x.next, x.facts.R, uri, header)
}

// keep remembers an answer to a question that began in this epoch at this time, unless
// another request is open that may change it.
func (x *exchange) keep(key visits.Key, p plan, asked *portal.Jar, a *portal.Answer, epoch uint64, began time.Time) {
	if x.visit.Requests.Changers(x.changers()) {
		return
	}
	x.visit.Answers.Keep(key, a, epoch, x.g.lives(), began)
	if len(a.Changes) == 0 || a.Kind == gate.Unknown {
		return
	}
	// Requests that ask with the old cookies go on with the new ones.
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

// lives is how long answers are believed. A stranger's serves for some minutes where
// every response in between is checked, and else no longer than a user's.
func (g *Gateway) lives() visits.Lives {
	lives := visits.Lives{User: g.Recheck, Anonymous: visits.AnonymousLife}
	if g.WatchUnsafe {
		lives.Anonymous = min(lives.Anonymous, g.Recheck)
	}
	return lives
}
