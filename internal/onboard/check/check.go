// Package check tests a site's configuration: it runs the gateway in front of the real
// portal, signs test customers in, and tries what an attacker with their passwords can try.
// The command check calls [Run]. The [Report] has a row for each property.
//
// A row is ok only if the check saw what the row says. The package changes nothing at the
// portal except that the test customers sign in and out, with their own passwords. It never
// sends a wrong password, since portals lock accounts for that.
package check

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// Stage is the gateway under test. Its store is empty, so no user is enrolled. The command
// check implements it.
type Stage interface {
	// Gate returns a transport to the portal through the gateway, and Portal one without it.
	Gate() http.RoundTripper
	Portal() http.RoundTripper
	// Users returns the ids that whoami has named so far.
	Users(ctx context.Context) ([]string, error)
	// Asked returns the questions to the portal since the last call, oldest first.
	Asked() []Asked
	// Break makes the portal answer whoami with a fault. Nil ends that.
	Break(f *Fault)
	// Log returns what the gateway has logged since its start.
	Log() ([]Entry, error)
	// Settle replaces the site's `settle` from now on.
	Settle(d time.Duration) error
	// Spreads returns the proxies behind the gateway that may send the requests of one
	// visit to several upstreams.
	Spreads() []Spread
}

// Spread is a proxy that may send the requests of one visit to several upstreams.
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

// Fault is a response to whoami that must be judged as unknown.
type Fault struct {
	Status int
	Body   string
}

// ErrorLogger is the name of the logger to which the server writes that the portal can't be
// reached.
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

// Run runs all checks. It returns an error if they could not be run. What a check found
// wrong with the configuration is in the report.
func Run(ctx context.Context, p Plan, s Stage) (Report, error) {
	if len(p.Site.Whoami) == 0 {
		return Report{}, errors.New("this site has no whoami but takes its users from another authenticator (user): there is no portal's sign-in to rehearse")
	}
	for _, s := range p.Site.SignIn {
		if s.Token != nil {
			return Report{}, errors.New("this portal's sign-in gives a token (sign_in … token): only sign-ins by form and cookie can be rehearsed so far")
		}
	}
	questions, err := direct.Compile(p.Site.Whoami)
	if err != nil {
		return Report{}, err
	}
	r := &run{ctx: ctx, plan: p, stage: s, site: p.Site, portal: direct.Portal{URL: p.URL, Questions: questions}}
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
	portal direct.Portal // asked without the gateway
	report Report

	first, second *customer
	users         []string // ids that whoami had named after the first sign-in
	forced        int      // counter of force, for a new header value each time
	signedOut     bool     // the check signOut has signed the first customer out
	// late is the time from a sign-in's response to its commit at the portal; committed is
	// whoami's verdict then.
	late      time.Duration
	committed whoami.Verdict
}

// customer is a test customer. direct, entry, home and marks come from a sign-in at the
// portal without the gateway; the other fields are set by checks through the gateway.
type customer struct {
	browse.Account
	direct *browse.Browser
	entry  *browse.Entry // at the portal
	home   string        // the page that the sign-in leads to
	marks  marks

	id, email string // as whoami names them
	gate      *browse.Browser
	device    *device
}

// Names of rows that the texts of other rows mention.
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

// checks runs all checks and adds a row for each to the report. The order matters: later
// checks use the sessions of earlier ones. After an outcome with last set, all other rows
// are reported as not tried.
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
		o := notReached()
		if !ended && r.ctx.Err() == nil {
			o = s.check()
			ended = o.last
		}
		if o.Name != "" && o.Name != s.row { // the outcome is about an earlier row, which now failed
			r.report.Rows = append(r.report.Rows, o.Row)
			o = notReached()
		}
		o.Name = s.row
		r.report.Rows = append(r.report.Rows, o.Row)
	}
}

// leave signs all customers out, at the portal and through the gateway, when Run ends.
func (r *run) leave() {
	for _, c := range r.customers() {
		if c.gate != nil {
			_, _ = r.signOutBy(c.gate, c.home)
		}
		_, _ = r.signOutBy(c.direct, c.home)
	}
}
