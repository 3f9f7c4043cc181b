package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/secondgate/secondgate/internal/onboard/browse"
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
		return nil, nil, nil // between says more
	}
	if kept := in.kept(before, b); kept != "" {
		in.note("", "The cookie %s keeps its value when somebody signs in, so `rotates` does not hold.", kept)
		return nil, nil, nil
	}
	if !in.anonymous(ctx, before) {
		in.note("", "The session that the cookies from before the sign-in name becomes signed in, so `rotates` does not hold.")
		return nil, nil, nil
	}
	return b, e, nil
}

// kept returns a cookie that has the same value in both browsers and signs in, or "". If no
// cookie signs in alone, any counts.
func (in *inspection) kept(before, after *browse.Browser) string {
	now := after.Cookies()
	for _, old := range before.Cookies() {
		same := slices.ContainsFunc(now, func(c browse.Cookie) bool {
			return c.Name == old.Name && c.Path == old.Path && c.Value == old.Value
		})
		if same && in.signsIn(old) {
			return old.Name
		}
	}
	return ""
}

func (in *inspection) signsIn(c browse.Cookie) bool {
	return slices.ContainsFunc(in.crumbs, func(k crumb) bool { return k.matters && k.Name == c.Name && k.Path == c.Path }) ||
		!slices.ContainsFunc(in.crumbs, func(k crumb) bool { return k.matters })
}

// overAnother signs the second customer in within the first one's session. `rotates` is
// proven only if that gives new cookies, and the old ones don't name the second customer.
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
		in.missing("Whether `rotates` holds: every sign-in tried gave new cookies, but the portal signs nobody in within another's session, so there is no proof for a change of user.")
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

// asked signs in with a question between form and submission, and reports whether that
// worked.
func (in *inspection) asked(ctx context.Context) bool {
	b := in.browser()
	e, err := b.Find(ctx, in.form)
	if err != nil {
		return false
	}
	in.portal.Who(ctx, b, nil)
	return in.enterForm(ctx, b, e, in.Customers[0]) == nil && in.is(ctx, b, in.id)
}
