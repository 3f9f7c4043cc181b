package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/cookie"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// change learns whether a sign-in replaces all cookies (`rotates`), and whether a question
// between form and sign-in makes the sign-in fail (`watch unsafe`).
func (in *inspection) change(ctx context.Context) error {
	if in.other != nil {
		in.otherID = in.portal.Who(ctx, in.other, nil).User
	}
	in.say("watching what a sign-in changes")
	b, e, err := in.overAnonymous(ctx)
	if err != nil {
		return err
	}
	if b != nil {
		in.overAnother(ctx, b, e)
	}
	return in.between(ctx)
}

// overAnonymous signs in within an anonymous session, and asks whoami with the old cookies.
// The browser is nil if the result disproves `rotates`.
func (in *inspection) overAnonymous(ctx context.Context) (*browse.Browser, *browse.Entry, error) {
	b := in.browser()
	e, err := b.Find(ctx, in.form)
	if err != nil {
		return nil, nil, err
	}
	before := b.Clone()
	if err := in.enterForm(ctx, b, e, in.Customers[0]); err != nil {
		return nil, nil, err
	}
	if !in.is(ctx, b.Clone(), in.id) {
		return nil, nil, nil // between reports whether signing in works at all
	}
	if kept := in.kept(before, b); kept != "" {
		in.note("", "The cookie %s keeps its value at a sign-in, so `rotates` does not hold.", kept)
		return nil, nil, nil
	}
	if !in.anonymous(ctx, before) {
		in.note("", "The session that the cookies from before the sign-in name becomes signed in, so `rotates` does not hold.")
		return nil, nil, nil
	}
	return b, e, nil
}

// kept returns the name of a cookie that signs in and has the same value in both browsers,
// or "". If leaveOut found no cookie that signs in, every cookie counts as one.
func (in *inspection) kept(before, after *browse.Browser) string {
	every := !slices.ContainsFunc(in.crumbs, func(k crumb) bool { return k.matters })
	for _, old := range before.Cookies() {
		same := func(c browse.Cookie) bool { return c.Name == old.Name && c.Path == old.Path }
		value := func(c browse.Cookie) bool { return same(c) && c.Value == old.Value }
		signsIn := every || slices.ContainsFunc(in.crumbs, func(k crumb) bool { return k.matters && same(k.Cookie) })
		if signsIn && slices.ContainsFunc(after.Cookies(), value) {
			return old.Name
		}
	}
	return ""
}

// overAnother signs the second customer in within the first one's session, and sets
// `rotates` if it is then proven: the sign-in gave new cookies, and whoami with the old
// cookies does not name the second customer.
func (in *inspection) overAnother(ctx context.Context, b *browse.Browser, e *browse.Entry) {
	if in.other == nil || in.otherID == "" {
		in.missing("Whether `rotates` holds: every sign-in tried gave new cookies, but a change of user within a session needs a second test customer.")
		return
	}
	before := b.Clone()
	if again, err := b.Find(ctx, in.form); err == nil {
		e = again
	}
	err := in.enterForm(ctx, b, e, in.Customers[1])
	if err != nil || !in.is(ctx, b.Clone(), in.otherID) {
		in.missing("Whether `rotates` holds: every sign-in tried gave new cookies, but the portal allows no sign-in within another user's session, so a change of user could not be tested.")
		return
	}
	if kept := in.kept(before, b); kept != "" {
		in.note("", "The cookie %s keeps its value when another user signs in, so `rotates` does not hold.", kept)
		return
	}
	if v := in.portal.Who(ctx, before, nil); v.Kind == whoami.Unknown || v.Kind == whoami.User && v.User != in.id {
		in.note("", "Old cookies name the session of the user who signed in later, so `rotates` does not hold.")
		return
	}
	yes := true
	in.site.Rotates = &yes
	in.note("rotates", "Tried: a sign-in over an anonymous session, and another user's over a signed-in one, gave new\nvalues to all cookies that sign in, and the old ones stayed what they were.")
}

// between asks whoami between the form and its submission, as the gateway does without
// `watch unsafe`. If that alone makes the sign-in fail, `watch unsafe` is needed.
func (in *inspection) between(ctx context.Context) error {
	if in.asked(ctx) {
		return ctx.Err()
	}
	b, err := in.session(ctx)
	if err != nil || !in.is(ctx, b, in.id) {
		return fmt.Errorf("signing in does not work reliably: it worked before and failed now (%w); wait a while, as there may be a limit on sign-ins, and try again", cmp.Or(err, ErrNoUser))
	}
	if in.asked(ctx) {
		in.missing("Whether `watch unsafe` is needed: a sign-in failed once after whoami was asked before it, and then worked.")
		return ctx.Err()
	}
	in.site.Watch = "unsafe"
	in.declareForm()
	in.note("watch", "Tried twice: whoami asked between the form and its submission makes the sign-in fail; without it\nthe sign-in works. The portal gives every anonymous request a new session.")
	return ctx.Err()
}

// asked reports whether a sign-in works if whoami is asked after the form was fetched and
// before it is sent.
func (in *inspection) asked(ctx context.Context) bool {
	b := in.browser()
	e, err := b.Find(ctx, in.form)
	if err != nil {
		return false
	}
	in.portal.Who(ctx, b, nil)
	return in.enterForm(ctx, b, e, in.Customers[0]) == nil && in.is(ctx, b, in.id)
}

// narrow handles cookies that whoami never receives, because they are for other paths than
// its own. Below such a path the gateway can't tell the user of a request. A cookie that
// does not sign in is put under `leave`; for another, a page below its path becomes a
// further whoami.
func (in *inspection) narrow(ctx context.Context) error {
	b, err := in.alive(ctx)
	if err != nil {
		return err
	}
	resolved, err := in.site.Resolved()
	if err != nil {
		return fmt.Errorf("what was found does not make a configuration, which is a flaw of inspect: %w", err)
	}
	policy := portal.NewCookiePolicy(resolved.Leave)
	sealed := slices.DeleteFunc(b.Cookies(), func(c browse.Cookie) bool { return policy.Class(c.Name) != portal.Sealed })
	if !slices.ContainsFunc(sealed, func(c browse.Cookie) bool { return c.Path != "/" }) {
		return nil
	}
	bare := in.portal.Uncovered(sealed)
	if len(bare) == 0 {
		in.note("", "Some cookies are for a path of their own only, which is whoami's too: handled by the gateway.")
	}
	var done []string
	for _, c := range bare {
		if !slices.Contains(done, c.Name) {
			done = append(done, c.Name)
			in.cover(ctx, c)
		}
	}
	in.setApart(ctx)
	return ctx.Err()
}

// setApart marks a whoami as `apart` if, of several, it answers anonymous without the
// cookies that have a path of their own. The gateway does not ask it about requests that
// don't carry these cookies.
func (in *inspection) setApart(ctx context.Context) {
	if in.site.Portal != "" || len(in.site.Whoami) < 2 {
		return
	}
	in.site.Whoami = slices.Clone(in.site.Whoami)
	for i, q := range in.portal.Questions {
		elsewhere := in.again.Only(func(c browse.Cookie) bool { return c.Path == "/" })
		if w := &in.site.Whoami[i]; !w.Apart && in.portal.Put(ctx, elsewhere, q, nil).Kind == whoami.Anonymous {
			w.Apart = true
			in.note(fmt.Sprintf("whoami.%d", i), "It needs a cookie that is sent to its own path only, so it recognises no user elsewhere: `apart`.")
		}
	}
	_ = in.compile() // can't fail: apart does not change how a question compiles
}

// cover handles a cookie that no whoami receives. If pages below its path show the user
// without it, the cookie is put under `leave`. If such a page needs it, a proven candidate
// there becomes a whoami. Otherwise the cookie is reported under Unlearned.
func (in *inspection) cover(ctx context.Context, c browse.Cookie) {
	below := in.pagesBelow(ctx, c)
	needed := slices.ContainsFunc(below, func(at place) bool { return in.needs(ctx, c, at) })
	proven := func(good *candidate) bool { return good.value == in.id && good.isBelow(c.Path) }
	switch {
	case len(below) > 0 && !needed && in.leave(c, "%s: for %s only, where no whoami is. It signs no user in: pages there show the user without it, and no user with it alone.", c.Name, c.Path):
	case needed && in.addWhoami(ctx, proven, "The portal sends the cookie %s below %s only, and knows the user by it there.", c.Name, c.Path):
	default:
		in.missing("The user of requests below %s, to which browsers send the cookie %s: no whoami gets this cookie, so the gateway answers 503 there. Add a whoami for a page below %[1]s, or `leave %[2]s` if the cookie signs no user in.", c.Path, c.Name)
	}
}

// pagesBelow returns crawled pages below the cookie's path that show the customer's name
// to the customer, and not to anonymous visitors.
func (in *inspection) pagesBelow(ctx context.Context, c browse.Cookie) (list []place) {
	for _, v := range in.views {
		if len(list) < maxWitnesses && v.isBelow(c.Path) && in.shows(ctx, in.again.Clone(), v.place) && !in.shows(ctx, in.browser(), v.place) {
			list = append(list, v.place)
		}
	}
	return list
}

// isBelow reports whether a browser sends a cookie for this path to the place.
func (at place) isBelow(cookiePath string) bool {
	path, _, _ := strings.Cut(at.uri, "?")
	return cookie.PathMatch(cookiePath, path)
}

// needs reports whether a page does not show the user without the cookie, or shows the user
// with it alone.
func (in *inspection) needs(ctx context.Context, c browse.Cookie, at place) bool {
	same := func(o browse.Cookie) bool { return o.Name == c.Name }
	without, err := in.ask(ctx, in.again.Only(func(o browse.Cookie) bool { return !same(o) }), at, nil)
	alone, err2 := in.ask(ctx, in.again.Only(same), at, nil)
	return err != nil || err2 != nil || !in.names(without.Body) || in.names(alone.Body)
}

// leave puts a cookie under `leave`, with a note. It returns false, and changes nothing, if
// the name can't be written there.
func (in *inspection) leave(c browse.Cookie, note string, args ...any) bool {
	if strings.ContainsAny(c.Name, "*?[]\\{}\" ") || !in.propose("The cookie "+c.Name, func(site *config.Site) { site.Leave = append(slices.Clone(site.Leave), c.Name) }) {
		return false
	}
	in.note("leave", note, args...)
	return true
}

// bound notes the request headers to which the portal binds a session.
func (in *inspection) bound(ctx context.Context) error {
	in.say("trying other request headers")
	b, err := in.alive(ctx)
	if err != nil {
		return err
	}
	names, err := in.portal.Bound(ctx, b, func() (*browse.Browser, error) { return in.alive(ctx) })
	if err != nil {
		return err
	}
	if len(names) > 0 {
		in.note("", "The portal signs out browsers that change their %s. The gateway's questions carry the request's own, so no setting is needed.", strings.Join(names, ", "))
	}
	return nil
}
