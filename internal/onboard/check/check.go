// Package check tests a site with the gateway against its real portal. It does what
// customers do, and what an attacker does who has their passwords, and reports for each
// property whether the gateway has it. The command check calls [Run].
//
// The package changes nothing at the portal except that test customers sign in and out,
// with their own passwords; it never sends a wrong one. A row is ok only if the check saw
// what the row says.
package check

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// Stage is the gateway under test, with a store of its own in which no user is enrolled.
type Stage interface {
	// Gate leads to the portal through the gateway, Portal on the same way without it.
	Gate() http.RoundTripper
	Portal() http.RoundTripper
	// Users returns the ids that whoami has named so far.
	Users(ctx context.Context) ([]string, error)
	// Asked returns the questions to the portal since the last call, oldest first.
	Asked() []Asked
	// Break answers whoami with a fault from now on; nil ends that.
	Break(f *Fault)
	// Log returns what the gateway has logged since its start.
	Log() ([]Entry, error)
	// Settle replaces the site's `settle` from now on.
	Settle(d time.Duration) error
	// Spreads returns the proxies behind the gateway that may send one visitor's requests
	// to several upstreams.
	Spreads() []Spread
}

// Spread is a proxy with several upstreams.
type Spread struct {
	Saw     string // how it chooses among them
	Do      string // what to change
	Unknown bool   // its policy is not one of Caddy's own
}

// Asked is a question to the portal with its answer.
type Asked struct {
	URI      string
	Response whoami.Response
}

// Fault is an answer from which whoami learns nothing.
type Fault struct {
	Status int
	Body   string
}

// ErrorLogger is the logger of the server's messages that the portal can't be reached.
const ErrorLogger = "http.log.error"

// Entry is a line of the gateway's log, or of ErrorLogger's.
type Entry struct {
	Logger  string `json:"logger"`
	Message string `json:"msg"`
	Reason  string `json:"reason"`
	Cookie  string `json:"cookie"`
}

// Plan says what to check.
type Plan struct {
	Site config.Site // resolved
	// URL is the site's address, without a slash at the end.
	URL string
	// First and Second are test customers; Second may be empty.
	First, Second browse.Account
}

// Run runs all checks. It returns an error if they could not be run; faults of the gateway
// are in the report.
func Run(ctx context.Context, p Plan, s Stage) (Report, error) {
	r := &run{ctx: ctx, plan: p, stage: s, site: p.Site, portal: direct.Portal{URL: p.URL}}
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
		r.portal.Questions = append(r.portal.Questions, q)
	}
	if err := r.reference(); err != nil {
		return Report{}, err
	}
	defer r.leave()
	if err := r.shortenSettle(); err != nil {
		return Report{}, err
	}
	r.checks()
	return r.report, ctx.Err()
}

// run is the state of one Run.
type run struct {
	ctx    context.Context
	plan   Plan
	stage  Stage
	site   config.Site
	portal direct.Portal // without the gateway
	report Report

	first, second *customer
	users         []string       // that whoami had named after the first sign-in
	strange       []*browse.Page // what a stranger sees at the portal
	forced        int            // number of forced questions
	signedOut     bool           // the first customer, through the gateway
	// late is the time from a sign-in's response to its commit at the portal; committed is
	// whoami's verdict then.
	late      time.Duration
	committed whoami.Verdict
}

// customer is a test customer, as the portal shows them without the gateway.
type customer struct {
	browse.Account
	direct *browse.Browser
	entry  *browse.Entry // at the portal
	home   string        // the page that the sign-in leads to
	marks  marks

	id, name, email string // as whoami names them
	gate            *browse.Browser
	device          *device
}

// Names of rows that other rows refer to.
const (
	rowPaths     = "cookies reach whoami"
	rowSignIn    = "sign-in seen"
	rowChallenge = "code before anything"
)

// step is a check and the row that it fills.
type step struct {
	row   string
	check func() outcome
}

// checks runs all checks in the order of a customer's visits. After an outcome that ends
// them, the rest is reported as not tried.
func (r *run) checks() {
	steps := []step{
		{"one upstream for each visit", r.upstreams},
		{rowPaths, r.cookiePaths},
		{"sign-in committed in time", r.commit},
		{"stranger is anonymous", r.stranger},
		{rowSignIn, r.signIn},
		{"answer right", r.answer},
		{"enrolment", r.enrol},
		{"sign-out ends it", r.signOut},
		{"anonymous after sign-out", r.afterSignOut},
		{rowChallenge, r.challenge},
		{"wrong code refused", r.wrongCode},
		{"right code opens", r.rightCode},
		{"unknown closed", r.unknown},
		{"session sealed", r.sealed},
		{"cookies of scripts", r.dropped},
		{"aliases one user", r.aliases},
		{"second customer", r.another},
		{"clearance is one user's", r.clearance},
	}
	steps = append(steps, r.doors()...)
	steps = append(steps,
		step{"session id in a body", r.bodyIDs},
		step{"connection dropped at the sign-in", r.droppedConnection},
		step{"session bound to headers", r.bound},
	)
	ended := false
	for _, s := range steps {
		if !ended && r.ctx.Err() == nil {
			o := s.check()
			r.report.add(s.row, o)
			ended = o.last
		}
		if !r.report.has(s.row) {
			r.report.add(s.row, notReached())
		}
	}
}

// browser returns a new browser that goes through the gateway, atPortal one without it.
func (r *run) browser() *browse.Browser { return browse.New(browse.Options{Transport: r.stage.Gate()}) }
func (r *run) atPortal() *browse.Browser {
	return browse.New(browse.Options{Transport: r.stage.Portal()})
}

// start is the page where a customer's sign-in begins.
func (r *run) start() string {
	for _, s := range r.site.SignIn {
		if s.Page != "" {
			return r.at(s.Page)
		}
	}
	for _, s := range r.site.SignIn {
		for _, p := range s.Paths {
			if !strings.Contains(p, "*") {
				return r.at(p)
			}
		}
	}
	return r.at("/")
}

// exempt are the paths of trust, public and guest, with nothing in place of a *.
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

// memberPages are the pages that show whether the customer is signed in: the one that the
// sign-in leads to, and whoami's.
func (r *run) memberPages(c *customer) []string {
	pages := []string{c.home}
	for _, q := range r.portal.Questions {
		pages = append(pages, r.at(q.URI()))
	}
	return pages
}

// at is an address below the site's.
func (r *run) at(path string) string { return r.plan.URL + path }

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the page"
	}
	return u.Path
}

// isOwn reports whether a page is the gateway's page of that name.
func (r *run) isOwn(p *browse.Page, name string) bool { return p.URL.Path == r.site.Path+"/"+name }

// below reports whether a path is one of the gateway's own.
func (r *run) below(path string) bool { return strings.HasPrefix(path, r.site.Path+"/") }

// fromGate reports whether a page comes from the gateway or redirects to it. A refusal at
// the portal's address is known by the gateway's style sheet.
func (r *run) fromGate(p *browse.Page) bool {
	if r.below(p.URL.Path) || r.below(p.Header.Get("Location")) {
		return true
	}
	return p.HTML() && r.below(p.Doc().Find(`link[rel="stylesheet"]`).First().AttrOr("href", ""))
}

// leaks returns the mark that shows that a page of the portal was released to a customer
// who is signed in, or "".
func (r *run) leaks(p *browse.Page, m marks) string {
	if mark := m.on(p); mark != "" && !r.fromGate(p) {
		return mark
	}
	return ""
}

// look opens a page without following redirects.
func (r *run) look(b *browse.Browser, address string) (*browse.Page, error) {
	return b.Once(r.ctx, http.MethodGet, address, browse.Navigation(), nil)
}

// force opens a page and makes the gateway ask whoami for it. The cache key of an answer
// includes client hints, so a new one bypasses the cache; it is no credential.
func (r *run) force(b *browse.Browser, address string) (*browse.Page, error) {
	r.forced++
	h := browse.Navigation()
	h.Set("Sec-CH-Rehearsal", fmt.Sprint(r.forced))
	r.stage.Asked()
	return b.Once(r.ctx, http.MethodGet, address, h, nil)
}

// verdict is the joint verdict of the last questions, and the answer that decided it.
func (r *run) verdict() (whoami.Verdict, *Asked) {
	asked := r.stage.Asked()
	if len(asked) == 0 {
		return whoami.Verdict{Why: "the portal was not asked"}, nil
	}
	var all []whoami.Verdict
	var deciding *Asked
	for _, q := range r.portal.Questions {
		v, at := judge(q, asked)
		all = append(all, v)
		if at != nil && (deciding == nil || v.Kind == whoami.Unknown) {
			deciding = at
		}
	}
	return whoami.Agree(all), deciding
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

// leave signs out the sessions that are still signed in.
func (r *run) leave() {
	for _, c := range r.customers() {
		if c.gate != nil {
			_, _ = r.signOutBy(c.gate, c.home)
		}
		_, _ = r.signOutBy(c.direct, c.home)
	}
}
