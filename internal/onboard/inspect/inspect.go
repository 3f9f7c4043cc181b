// Package inspect learns how a portal works by using it as its customers do, and
// writes down what two_factor has to know of it.
//
// Its one invariant: nothing is written down that was not seen. A setting that would
// open something if it were wrong (rotates, leave, watch unsafe, public) needs a proof
// of its own, and what could not be learned is said, never guessed. It changes nothing
// at the portal: it sends GETs, the sign-in form and the sign-out, and no link that
// sounds like doing something is followed.
package inspect

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// Options say what to inspect.
type Options struct {
	// URL is the portal's address, or that of its sign-in page.
	URL string
	// Customers are test customers, at least one; of more than two the rest is not used.
	Customers []browse.Account
	// Pages are further pages that may name the user, as paths with an optional query.
	Pages []string
	// NoPreset writes everything out, although a preset would do.
	NoPreset bool
	// Site is the address of the gateway's site. Default: the portal's host, or
	// http://127.0.0.1:8080 for a portal on loopback.
	Site string

	Transport http.RoundTripper
	// Progress is told what is being done, a line each; it may be nil.
	Progress func(line string)
}

// limits of what is asked of a portal: an inspection must not be an attack.
const (
	maxPages    = 60
	maxScripts  = 20
	pageTimeout = 10 * time.Second
	// crawlTimeout bounds the looking around, where every page may take its time.
	crawlTimeout = 2 * time.Minute
)

// inspection is one run. Its steps fill it in, in the order of Inspect.
type inspection struct {
	Options
	base  *url.URL // scheme and host
	entry *browse.Entry
	form  string // address of the page with the form

	views      []*view
	name       *regexp.Regexp // see naming
	all        []*candidate   // of every page
	candidates []*candidate   // the ones worth a proof, and then the proven ones, best first
	ev         evidence

	site      config.Site
	questions []*whoami.Question
	notes     map[string][]string
	unlearned []string

	// first looked around, again came back; either may have ended since. other is the
	// second customer's.
	first, again, other *browse.Browser
	late                time.Duration // the portal commits a sign-in so long after its response
	single              bool          // the portal ends a session when its customer signs in again
	spelled             []string
	crumbs              []crumb
	id, otherID         string
}

// Inspect learns the portal. Errors are sentences that say what was seen and what to
// do; those of package browse can be told by errors.Is.
func Inspect(ctx context.Context, o Options) (*Report, error) {
	in := &inspection{Options: o, notes: make(map[string][]string)}
	if in.Progress == nil {
		in.Progress = func(string) {}
	}
	for _, step := range []func(context.Context) error{
		in.address, in.enter, in.crawl, in.prepare, in.comeBack, in.identify,
		in.leaveOut, in.narrow, in.bound, in.change, in.scripts, in.ends, in.publics, in.sideDoors, in.rehearse,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return in.report()
}

func (in *inspection) say(format string, args ...any) { in.Progress(fmt.Sprintf(format, args...)) }

// note is a comment above a setting; where is as in config.Notes.
func (in *inspection) note(where, format string, args ...any) {
	in.notes[where] = append(in.notes[where], fmt.Sprintf(format, args...))
}

// missing is something that could not be learned.
func (in *inspection) missing(format string, args ...any) {
	in.unlearned = append(in.unlearned, fmt.Sprintf(format, args...))
}

func (in *inspection) browser() *browse.Browser {
	return browse.New(browse.Options{Transport: in.Transport, Timeout: pageTimeout})
}

// signIn opens a fresh browser and signs in.
func (in *inspection) signIn(ctx context.Context, a browse.Account) (*browse.Browser, *browse.Entry, error) {
	b := in.browser()
	e, err := b.SignIn(ctx, in.form, a)
	in.await(ctx)
	return b, e, err
}

// enterForm sends the sign-in form, and waits until the portal has committed it.
func (in *inspection) enterForm(ctx context.Context, b *browse.Browser, e *browse.Entry, a browse.Account) error {
	err := b.Enter(ctx, e, a)
	in.await(ctx)
	return err
}

// alive is a session of the first customer's that is signed in, the one that came back
// or, if that has ended, a new one.
func (in *inspection) alive(ctx context.Context) (*browse.Browser, error) {
	if in.is(ctx, in.again, in.id) {
		return in.again, nil
	}
	if !in.single {
		in.single = true
		in.note("", "The portal keeps one session for each customer: it ended when they signed in again.")
	}
	b, _, err := in.signIn(ctx, in.Customers[0])
	if err != nil {
		return nil, fmt.Errorf("signing in again after the portal ended the session: %w", err)
	}
	in.again = b
	return b, nil
}
