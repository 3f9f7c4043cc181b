// Package rehearse plays through, at the real portal, what customers and those who
// have their passwords will do at the gate, and says line by line whether the gate
// does what it is for. See Run.
//
// Its one invariant: the portal is changed by nothing but signing in and out, with
// the test customers' own passwords; no wrong one is ever sent. A line is ok only if
// what it is about was seen to happen.
package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// Stage is the gate that is rehearsed, with a store of its own in which nobody is
// enrolled yet.
type Stage interface {
	// Gate leads to the portal through the gate, Portal on the same way without it.
	Gate() http.RoundTripper
	Portal() http.RoundTripper
	// Users are the ids that whoami has named so far.
	Users(ctx context.Context) ([]string, error)
	// Asked are the questions put to the portal since the last call, oldest first.
	Asked() []Asked
	// Break has whoami answered by a fault from now on; nil ends that.
	Break(f *Fault)
	// Log is what the gate has logged since its start.
	Log() ([]Entry, error)
	// Settle takes the place of the site's `settle` from now on.
	Settle(d time.Duration) error
	// Spreads are the proxies behind the gate that may send one visitor's requests to
	// several upstreams.
	Spreads() []Spread
}

// Spread is a proxy with several upstreams.
type Spread struct {
	// Saw is how it chooses among them, Do what to change.
	Saw, Do string
	// Unknown says that its policy is not one of Caddy's own.
	Unknown bool
}

// Asked is a question to the portal with its answer.
type Asked struct {
	URI      string
	Response whoami.Response
}

// Fault is an answer that says nothing.
type Fault struct {
	Status int
	Body   string
}

// ErrorLogger is the name under which the server logs that the portal behind it could
// not be reached.
const ErrorLogger = "http.log.error"

// Entry is a line of the gate's log, or of ErrorLogger's.
type Entry struct {
	Logger  string `json:"logger"`
	Message string `json:"msg"`
	Reason  string `json:"reason"`
	Cookie  string `json:"cookie"`
}

// Plan is what is rehearsed.
type Plan struct {
	Site config.Site // resolved
	// URL is the site's address, without a slash at the end.
	URL string
	// First and Second are test customers; Second may be empty.
	First, Second browse.Account
}

// Run rehearses. An error says why there could be no rehearsal; what the gate does
// wrong is in the report.
func Run(ctx context.Context, p Plan, s Stage) (Report, error) {
	r := &run{ctx: ctx, plan: p, stage: s, site: p.Site}
	if len(p.Site.Whoami) == 0 {
		return Report{}, errors.New("this site has no whoami but takes its users from another authenticator (user): there is no portal's sign-in to rehearse")
	}
	for _, s := range p.Site.SignIn {
		if s.Token != nil {
			return Report{}, errors.New("this portal's sign-in gives a token (sign_in … token): only sign-ins by form and cookie can be rehearsed so far")
		}
	}
	for _, w := range p.Site.Whoami {
		q, err := whoami.Compile(w)
		if err != nil {
			return Report{}, fmt.Errorf("whoami %s: %w", w.URI, err)
		}
		r.questions = append(r.questions, q)
	}
	r.portal = direct.Portal{URL: p.URL, Questions: r.questions}
	if err := r.reference(); err != nil {
		return Report{}, err
	}
	defer r.leave()
	if err := r.hurry(); err != nil {
		return Report{}, err
	}
	r.acts()
	return r.report, ctx.Err()
}

// promptly is the rehearsal's `settle` for a portal that commits sign-ins at once.
const promptly = 50 * time.Millisecond

// hurry shortens `settle` where the portal was seen to need none: the gate waits for that
// long before every sign-in that comes sooner after the form than a person's.
func (r *run) hurry() error {
	if r.committed.Kind != whoami.User || r.late > 0 || time.Duration(*r.site.Settle) <= promptly {
		return nil
	}
	return r.stage.Settle(promptly)
}

// run is one rehearsal.
type run struct {
	ctx       context.Context
	plan      Plan
	stage     Stage
	site      config.Site
	questions []*whoami.Question
	portal    direct.Portal // without the gate
	report    Report

	first, second *customer
	strange       []*browse.Page // what a stranger sees at the portal
	forced        int            // how often an answer of whoami was forced
	// late is how long after a sign-in's response the portal commits it; committed is what
	// whoami said then.
	late      time.Duration
	committed whoami.Verdict
}

// customer is a test customer, as the portal knows them without the gate.
type customer struct {
	browse.Account
	direct *browse.Browser
	entry  *browse.Entry // at the portal
	home   string        // where the sign-in led to
	tell   tell

	id, name, email string // as whoami names them at the gate
	gate            *browse.Browser
	device          *device
}

// acts are in the order of a customer's life. Each goes on only where the one before
// it left something to go on with; what is not reached is said to be not tried.
func (r *run) acts() {
	steps := []struct {
		rows []string
		act  func() bool
	}{
		{[]string{rowUpstreams}, r.upstreams},
		{[]string{rowPaths}, r.cookiePaths},
		{[]string{rowCommit}, r.commit},
		{[]string{rowStranger}, r.stranger},
		{[]string{rowSignIn, rowAnswer}, r.signIn},
		{[]string{rowEnrol}, r.enrol},
		{[]string{rowSignOut, rowAfter}, r.signOut},
		{[]string{rowChallenge}, r.challenge},
		{[]string{rowWrong}, r.wrongCode},
		{[]string{rowRight}, r.rightCode},
		{[]string{rowUnknown}, r.unknown},
		{[]string{rowSealed}, r.sealed},
		{[]string{rowDropped}, r.dropped},
		{[]string{rowAliases}, r.aliases},
		{[]string{rowSecond, rowClearance}, r.another},
		{doorRows(), r.doors},
		{[]string{rowBody}, r.bodyIDs},
		{[]string{rowLeft}, r.droppedConnection},
		{[]string{rowBound}, r.bound},
	}
	going := true
	for _, s := range steps {
		if going && r.ctx.Err() == nil {
			going = s.act()
		}
		for _, name := range s.rows {
			if !r.report.has(name) {
				r.report.skip(name, "a line above has to be right first")
			}
		}
	}
}

// browser is a new one that goes through the gate.
func (r *run) browser() *browse.Browser { return browse.New(browse.Options{Transport: r.stage.Gate()}) }

// start is the page where a customer's sign-in begins.
func (r *run) start() string {
	for _, s := range r.site.SignIn {
		if s.Page != "" {
			return r.plan.URL + s.Page
		}
	}
	for _, s := range r.site.SignIn {
		for _, p := range s.Paths {
			if !strings.Contains(p, "*") {
				return r.plan.URL + p
			}
		}
	}
	return r.plan.URL + "/"
}

// exempt are the addresses that trust, public and guest open, as far as they are
// written as paths; a * stands for nothing.
func (r *run) exempt() (addresses []string) {
	for _, sets := range [][]config.MatcherSet{r.site.Trust, r.site.Public, r.site.Guest} {
		for _, set := range sets {
			var patterns []string
			if json.Unmarshal(set["path"], &patterns) != nil {
				continue
			}
			for _, p := range patterns {
				addresses = append(addresses, r.at("/"+strings.TrimLeft(strings.ReplaceAll(p, "*", ""), "/")))
			}
		}
	}
	return addresses
}

// at is an address below the site's.
func (r *run) at(path string) string { return r.plan.URL + path }

// own says whether a page is one of the gate's.
func (r *run) own(p *browse.Page, name string) bool {
	return p.URL.Path == r.site.Path+"/"+name
}

// look opens a page without following it anywhere.
func (r *run) look(b *browse.Browser, address string) (*browse.Page, error) {
	return b.Once(r.ctx, http.MethodGet, address, browse.Navigation(), nil)
}

// force opens a page in a way that makes the gate ask whoami now: a client hint that it
// never saw is part of what an answer is kept for, and no credential of its own.
func (r *run) force(b *browse.Browser, address string) (*browse.Page, error) {
	r.forced++
	h := browse.Navigation()
	h.Set("Sec-CH-Rehearsal", fmt.Sprint(r.forced))
	r.stage.Asked()
	return b.Once(r.ctx, http.MethodGet, address, h, nil)
}

// verdict is what the last questions said, all of them together, and the response
// that said it.
func (r *run) verdict() (whoami.Verdict, *Asked) {
	asked := r.stage.Asked()
	if len(asked) == 0 {
		return whoami.Verdict{Why: "the portal was not asked"}, nil
	}
	var all []whoami.Verdict
	var telling *Asked
	for _, q := range r.questions {
		v, at := judge(q, asked)
		all = append(all, v)
		if at != nil && (telling == nil || v.Kind == whoami.Unknown) {
			telling = at
		}
	}
	return whoami.Agree(all), telling
}

// judge finds the last answer to a question among those asked.
func judge(q *whoami.Question, asked []Asked) (whoami.Verdict, *Asked) {
	first, steps := q.First()
	for i := len(asked) - 1; i >= 0; i-- {
		a := &asked[i]
		if a.URI == q.URI() {
			return q.Judge(a.Response), a
		}
		if steps && a.URI == first {
			_, v := q.ExtractFirst(a.Response)
			return v, a
		}
	}
	return whoami.Verdict{Why: "this question was not asked"}, nil
}

// leave signs out what is still signed in.
func (r *run) leave() {
	for _, c := range []*customer{r.first, r.second} {
		if c == nil {
			continue
		}
		if c.gate != nil {
			_, _ = r.goOut(c.gate, c.home)
		}
		_, _ = r.goOut(c.direct, c.home)
	}
}
