package check

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/cookie"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// reference signs the customers in at the portal without the gateway, before any check. An
// error here is not the gateway's fault, so Run ends with it. The customers' pages give the
// marks that the gateway must not release.
func (r *run) reference() (err error) {
	stranger := r.atPortal()
	// /no-such-page gives the error page, so that none of its text becomes a mark.
	strange := r.open(stranger, r.start(), r.at("/"), r.at("/no-such-page"))
	if r.first, err = r.signInDirectly(r.plan.First); err != nil {
		return err
	}
	if r.plan.Second.User != "" {
		if r.second, err = r.signInDirectly(r.plan.Second); err != nil {
			return err
		}
	}
	return r.learnMarks(stranger, strange)
}

// open opens pages, and leaves out those that fail.
func (r *run) open(b *browse.Browser, addresses ...string) (pages []*browse.Page) {
	for _, address := range addresses {
		if p, err := b.Get(r.ctx, address); err == nil {
			pages = append(pages, p)
		}
	}
	return pages
}

func (r *run) signInDirectly(a browse.Account) (*customer, error) {
	c := &customer{Account: a, direct: r.atPortal()}
	entry, err := c.direct.SignIn(r.ctx, r.start(), a)
	if err != nil {
		hint := r.proxyError()
		if errors.Is(err, browse.ErrNoForm) || errors.Is(err, browse.ErrNotHTML) {
			hint += " (the way began at " + r.start() + ", from sign_in in the Caddyfile: name the form's page there with `sign_in { page … }`)"
		}
		return nil, fmt.Errorf("signing in as %s at the portal itself, without the gate: %w%s", a.User, err, hint)
	}
	if r.committed.Kind == whoami.Unknown { // not measured yet: this is the first customer
		r.late, r.committed = r.portal.Commit(r.ctx, c.direct)
	} else {
		direct.Sleep(r.ctx, r.late)
	}
	c.entry, c.home = entry, entry.Page.URL.String()
	return c, nil
}

// proxyError returns the server's last message that the portal can't be reached, as a part
// of a sentence, or "".
func (r *run) proxyError() string {
	log, _ := r.stage.Log() // without a log there is nothing to quote
	for _, e := range slices.Backward(log) {
		if e.Logger == ErrorLogger && e.Message != "" {
			return fmt.Sprintf(" (what your reverse_proxy says: %s)", e.Message)
		}
	}
	return ""
}

// learnMarks sets the marks of each customer from their pages and an anonymous visitor's
// (strange). A customer without marks is not signed in, which is an error.
func (r *run) learnMarks(stranger *browse.Browser, strange []*browse.Page) error {
	pages := map[*customer][][2]*browse.Page{}
	for _, c := range r.customers() {
		for _, address := range r.memberPages(c) {
			var twice [2]*browse.Page
			for i := range twice {
				var err error
				if twice[i], err = c.direct.Get(r.ctx, address); err != nil {
					return fmt.Errorf("opening %s at the portal as %s: %w", address, c.User, err)
				}
			}
			pages[c] = append(pages[c], twice)
			strange = append(strange, r.open(stranger, address)...)
		}
	}
	for _, c := range r.customers() {
		c.marks = newMarks(pages[c], strange, c.User, c.Password)
		if len(c.marks) == 0 {
			return fmt.Errorf("after signing in as %s at the portal itself, without the gate, the pages are those of a stranger: "+
				"check user name and password in a browser, and that %s is the sign-in of this portal", c.User, c.entry.Login.URL.Path)
		}
	}
	return nil
}

func (r *run) customers() []*customer {
	if r.second == nil {
		return []*customer{r.first}
	}
	return []*customer{r.first, r.second}
}

// promptly is the `settle` during the checks of a portal that commits sign-ins at once.
const promptly = 50 * time.Millisecond

// shortenSettle shortens `settle` if the portal commits sign-ins at once. The gateway waits
// for `settle` before a sign-in that is sent sooner after its form than that, as those of
// the checks are, so the checks would be slow.
func (r *run) shortenSettle() error {
	if r.committed.Kind != whoami.User || r.late > 0 || time.Duration(*r.site.Settle) <= promptly {
		return nil
	}
	return r.stage.Settle(promptly)
}

// upstreams is the check that a question reaches the same upstream as the request for which
// it is asked. Another upstream may not know the session.
func (r *run) upstreams() outcome {
	all := r.stage.Spreads()
	if i := slices.IndexFunc(all, func(s Spread) bool { return !s.Unknown }); i >= 0 {
		return failed(all[i].Saw, all[i].Do)
	}
	if len(all) > 0 {
		return outcome{Row: Row{Status: NotTried, Saw: all[0].Saw, Do: all[0].Do}}
	}
	return ok("whoami is asked where the request goes")
}

// cookiePaths is the check that a whoami receives each sealed cookie of the portal. It does
// not if the cookie is for another path. A cookie without a Path attribute is for the
// directory of the page that set it.
func (r *run) cookiePaths() outcome {
	sealed := r.sealedCookies()
	narrow := slices.DeleteFunc(slices.Clone(sealed), func(k browse.Cookie) bool { return k.Path == "/" })
	if len(narrow) == 0 {
		return ok("every cookie of the portal is for all of its paths")
	}
	bare := r.portal.Uncovered(sealed)
	if len(bare) == 0 {
		return ok("handled by the gate: %s; whoami gets each by its own path", withPaths(narrow))
	}
	k := bare[0]
	do := fmt.Sprintf("add a whoami below %s for a page there that names the customer, with `apart` if the other whoami names them without this cookie", k.Path)
	switch needed, tried := r.signsInBelow(k); {
	case tried && !needed:
		do = fmt.Sprintf("`leave %s`: it signs no user in; the customer's pages there are the same without it", k.Name)
	case !tried:
		do += fmt.Sprintf("; or `leave %s` if it signs no user in", k.Name)
	}
	return failed(withPaths(bare)+": no whoami gets it, so the gate can't identify the user of requests there and answers 503", do)
}

// sealedCookies returns the first customer's cookies that the gateway seals.
func (r *run) sealedCookies() []browse.Cookie {
	policy := portal.NewCookiePolicy(r.site.Leave)
	return slices.DeleteFunc(r.first.direct.Cookies(), func(k browse.Cookie) bool { return policy.Class(k.Name) != portal.Sealed })
}

// withPaths names cookies with their paths.
func withPaths(all []browse.Cookie) string {
	var text []string
	for _, k := range all {
		text = append(text, fmt.Sprintf("%s (path %s)", k.Name, k.Path))
	}
	return strings.Join(text, ", ")
}

// signsInBelow reports whether pages below a cookie's path need it to show the customer, or
// show the customer with it alone. tried is false if no known page there shows the
// customer at all.
func (r *run) signsInBelow(k browse.Cookie) (needed, tried bool) {
	same := func(o browse.Cookie) bool { return o.Name == k.Name }
	shows := func(b *browse.Browser, address string) bool {
		p, err := r.look(b, address)
		return err == nil && r.first.marks.on(p) != ""
	}
	for _, address := range append(r.memberPages(r.first), r.at(k.Path)) {
		if !cookie.PathMatch(k.Path, pathOf(address)) || !shows(r.first.direct, address) {
			continue
		}
		tried = true
		without := shows(r.first.direct.Only(func(o browse.Cookie) bool { return !same(o) }), address)
		needed = needed || !without || shows(r.first.direct.Only(same), address)
	}
	return needed, tried
}

// commit is the check that `settle` is at least the time from a sign-in's response to its
// commit at the portal.
func (r *run) commit() outcome {
	settle := time.Duration(*r.site.Settle)
	late := fmt.Sprintf("the portal commits a sign-in up to %s after its response", r.late)
	switch {
	case r.committed.Kind != whoami.User:
		return skipped("whoami, asked at the portal itself, did not name the customer after the sign-in")
	case r.late == 0:
		return ok("whoami names the customer as soon as the response of the sign-in has ended")
	case r.site.Rotates != nil && *r.site.Rotates:
		return failed(late+", and under `rotates` the gate does not wait for that", "take `rotates` out")
	case r.late > settle:
		return failed(fmt.Sprintf("%s, later than `settle` (%s)", late, settle), fmt.Sprintf("raise `settle`: `settle %s`", config.Duration(r.late+time.Second)))
	}
	return ok("handled by the gate: %s, within `settle` (%s)", late, settle)
}

// bound reports to which request headers the portal binds a session. This never fails: the
// gateway's questions carry the request's headers, as the checks before have shown.
func (r *run) bound() outcome {
	var b *browse.Browser
	again := func() (*browse.Browser, error) {
		b = r.atPortal()
		_, err := b.SignIn(r.ctx, r.start(), r.first.Account)
		direct.Sleep(r.ctx, r.late)
		return b, err
	}
	b, err := again()
	if err != nil {
		return skipped(err.Error())
	}
	names, err := r.portal.Bound(r.ctx, b, again)
	switch _, _ = r.signOutBy(b, r.first.home); {
	case err != nil:
		return skipped(err.Error())
	case len(names) == 0:
		return ok("none of those tried: the session stays with another browser, language, encoding or page before")
	}
	return ok("handled by the gate: the portal signs out browsers that change their %s; questions carry the request's own", strings.Join(names, ", "))
}
