// Package inspect learns how a portal works by signing test customers in and reading its
// pages, and writes the settings that two_factor needs. The command inspect calls [Inspect].
//
// It writes only settings that it has tested. A setting that would weaken the gateway if it
// were wrong (rotates, leave, watch unsafe, public) needs a proof of its own. What could not
// be learned is listed in [Report.Unlearned]. It changes nothing at the portal: it sends
// GETs, the sign-in form and the sign-out, and follows no link that may change something.
package inspect

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// Options say what to inspect.
type Options struct {
	// URL is the portal's address, or that of its sign-in page.
	URL string
	// Customers are one or two test customers; more are ignored.
	Customers []browse.Account
	// Pages are further pages that may name the user, as paths with an optional query.
	Pages []string
	// NoPreset writes all settings, although a preset has the same.
	NoPreset bool
	// Site is the address of the gateway's site. Default: the portal's host, or
	// http://127.0.0.1:8080 for a portal on loopback.
	Site string
	// Progress is called with each line of progress; it may be nil.
	Progress func(line string)
}

// Limits that keep an inspection from overloading the portal.
const (
	maxPages    = 60
	maxScripts  = 20
	pageTimeout = 10 * time.Second
	// crawlTimeout bounds the crawl as a whole.
	crawlTimeout = 2 * time.Minute
)

// inspection is the state of one Inspect. Its methods listed in Inspect are the steps; each
// uses fields that earlier steps have set.
type inspection struct {
	Options
	given  *url.URL // Options.URL
	base   *url.URL // its scheme and host
	portal direct.Portal
	entry  *browse.Entry
	form   string // address of the page with the form

	views      []*view
	name       *regexp.Regexp // cache of naming
	all        []*candidate   // of every crawled page
	candidates []*candidate   // best first; from prepare on the ranked ones, from identify on the proven ones
	ev         evidence

	site      config.Site
	notes     map[string][]string
	unlearned []string

	// first is the browser of the first customer's first sign-in, which crawl uses. again is
	// that of a later sign-in; use alive to get it signed in. other is the second customer's
	// browser, or nil. The portal may have ended any of these sessions.
	first, again, other *browse.Browser
	late                time.Duration // from a sign-in's response to its commit at the portal
	single              bool          // the portal ends a session when its customer signs in again
	spelled             []string      // other spellings that sign in, quoted
	crumbs              []crumb
	id, otherID         string // what whoami names the first and the second customer; "" if not known
}

// Inspect learns the portal. Its errors say what was seen and what to do; they wrap those
// of package browse, [ErrInput] or [ErrNoUser].
func Inspect(ctx context.Context, o Options) (*Report, error) {
	in := &inspection{Options: o, notes: make(map[string][]string)}
	if in.Progress == nil {
		in.Progress = func(string) {}
	}
	for _, step := range []func(context.Context) error{
		in.address, in.enter, in.crawl, in.prepare, in.comeBack, in.identify,
		in.leaveOut, in.narrow, in.bound, in.change, in.scripts, in.ends, in.publics, in.sideDoors, in.verify,
	} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return in.report()
}

func (in *inspection) say(format string, args ...any) { in.Progress(fmt.Sprintf(format, args...)) }

// note adds a comment to the Caddyfile, above a setting. where names the setting as in
// config.Notes; "" puts the comment above the site.
func (in *inspection) note(where, format string, args ...any) {
	in.notes[where] = append(in.notes[where], fmt.Sprintf(format, args...))
}

// missing adds a sentence to Report.Unlearned.
func (in *inspection) missing(format string, args ...any) {
	in.unlearned = append(in.unlearned, fmt.Sprintf(format, args...))
}

func (in *inspection) browser() *browse.Browser {
	return browse.New(browse.Options{Timeout: pageTimeout})
}

// visitor returns a browser with the anonymous session that the sign-in form opens.
func (in *inspection) visitor(ctx context.Context) *browse.Browser {
	b := in.browser()
	_, _ = b.Find(ctx, in.form)
	return b
}

// signIn signs in with a new browser, and waits until the portal has committed it.
func (in *inspection) signIn(ctx context.Context, a browse.Account) (*browse.Browser, *browse.Entry, error) {
	b := in.browser()
	e, err := b.SignIn(ctx, in.form, a)
	direct.Sleep(ctx, in.late)
	return b, e, err
}

// enterForm sends the sign-in form, and waits until the portal has committed it.
func (in *inspection) enterForm(ctx context.Context, b *browse.Browser, e *browse.Entry, a browse.Account) error {
	err := b.Enter(ctx, e, a)
	direct.Sleep(ctx, in.late)
	return err
}

// session signs the first customer in with a new browser. The caller may end that session,
// because no other step uses it.
func (in *inspection) session(ctx context.Context) (*browse.Browser, error) {
	b, _, err := in.signIn(ctx, in.Customers[0])
	return b, err
}

// alive returns a signed-in browser of the first customer: again or, if that session has
// ended, a new one.
func (in *inspection) alive(ctx context.Context) (*browse.Browser, error) {
	if in.is(ctx, in.again, in.id) {
		return in.again, nil
	}
	if !in.single {
		in.single = true
		in.note("", "The portal keeps one session for each customer: it ended when they signed in again.")
	}
	b, err := in.session(ctx)
	if err != nil {
		return nil, fmt.Errorf("signing in again after the portal ended the session: %w", err)
	}
	in.again = b
	return b, nil
}

// is reports whether whoami, asked with the browser's cookies, names the user id.
func (in *inspection) is(ctx context.Context, b *browse.Browser, id string) bool {
	v := in.portal.Who(ctx, b, nil)
	return v.Kind == whoami.User && v.User == id
}

// anonymous reports whether whoami, asked with the browser's cookies, answers anonymous.
func (in *inspection) anonymous(ctx context.Context, b *browse.Browser) bool {
	return in.portal.Who(ctx, b, nil).Kind == whoami.Anonymous
}

// place is the URI of a question and the Accept header that it is sent with.
type place struct{ uri, accept string }

// ask requests a place as the gateway does. extra replaces headers.
func (in *inspection) ask(ctx context.Context, b *browse.Browser, at place, extra http.Header) (whoami.Response, error) {
	h := make(http.Header)
	if at.accept != "" {
		h.Set("Accept", at.accept)
	}
	maps.Copy(h, extra)
	return in.portal.Ask(ctx, b, at.uri, h)
}

// snapshot has the responses of several places to one browser.
type snapshot map[place]whoami.Response

// snap requests each place once. A place without a response is left out.
func (in *inspection) snap(ctx context.Context, b *browse.Browser, places []place) snapshot {
	s := make(snapshot)
	for _, at := range places {
		if res, err := in.ask(ctx, b, at, nil); err == nil {
			s[at] = res
		}
	}
	return s
}

// compile compiles the settings' whoamis into in.portal.Questions. It is called after each
// change of in.site.Whoami.
func (in *inspection) compile() error {
	resolved, err := in.site.Resolved()
	if err != nil {
		return fmt.Errorf("what was found does not make a configuration, which is a flaw of inspect: %w", err)
	}
	if in.portal.Questions, err = direct.Compile(resolved.Whoami); err != nil {
		return fmt.Errorf("what was found can't be asked, which is a flaw of inspect: %w", err)
	}
	return nil
}
