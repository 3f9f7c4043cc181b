package inspect

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// Limits of leaveOut.
const (
	maxWitnesses = 5 // pages for each cookie
	maxCookies   = 16
)

// crumb is a cookie of a signed-in session, with the result of leaving it out.
type crumb struct {
	browse.Cookie
	matters bool // it signs in: without it whoami or a page no longer shows the user
}

func (c crumb) String() string {
	if c.Path == "/" {
		return c.Name
	}
	return c.Name + " (path " + c.Path + ")"
}

// leaveOut finds out which cookies sign in (in.crumbs). For each cookie in turn, it asks
// whoami and the witnesses without that cookie. If that ends the session at the portal, it
// signs in again.
func (in *inspection) leaveOut(ctx context.Context) error {
	in.say("leaving out each cookie in turn")
	b, err := in.alive(ctx)
	if err != nil {
		return err
	}
	// More cookies may come with the front page, and with the one after the sign-in.
	for _, at := range []string{in.URL, in.base.String() + in.entry.Page.URL.RequestURI()} {
		_, _ = b.Get(ctx, at)
	}
	witnesses := in.witnesses(ctx)
	all := in.again.Cookies()
	if len(all) == 0 {
		in.missing("The sign-in sets no cookie. If scripts keep a token, this needs `credential header`, which inspect can't learn.")
	}
	if len(all) > maxCookies {
		in.missing("The portal sets %d cookies; only the first %d were left out in turn.", len(all), maxCookies)
	}
	for _, c := range all[:min(len(all), maxCookies)] {
		one, err := in.without(ctx, c, witnesses)
		if err != nil {
			return err
		}
		in.crumbs = append(in.crumbs, one)
	}
	in.noteCrumbs()
	return nil
}

// witnesses returns pages that show the customer's name to the first customer and not to
// anonymous visitors: at most one for each first path segment, and maxWitnesses in total.
func (in *inspection) witnesses(ctx context.Context) (list []place) {
	var parts []string
	for _, v := range in.views {
		part := strings.SplitN(strings.SplitN(v.uri, "?", 2)[0], "/", 3)[1]
		if slices.Contains(parts, part) || len(list) == maxWitnesses || !in.names(v.page.Body) || in.hasForm(v.page) {
			continue
		}
		if res, err := in.ask(ctx, in.browser(), v.place, nil); err == nil && !in.names(res.Body) {
			list, parts = append(list, v.place), append(parts, part)
		}
	}
	return list
}

// hasForm reports whether a page has the sign-in form, which may repeat the name that was
// typed.
func (in *inspection) hasForm(p *browse.Page) bool {
	return p.Form(func(f *browse.Form) bool {
		_, user := f.Field(in.entry.User)
		_, password := f.Field(in.entry.Password)
		return user && password
	}) != nil
}

// names reports whether a page shows the name that the customer signed in with, or the
// email address.
func (in *inspection) names(body []byte) bool { return in.naming().Match(body) }

// shows reports whether a place shows the name or the email address in a browser.
func (in *inspection) shows(ctx context.Context, b *browse.Browser, at place) bool {
	res, err := in.ask(ctx, b, at, nil)
	return err == nil && in.names(res.Body)
}

// naming matches the customer's name, or the email address, as a whole word.
func (in *inspection) naming() *regexp.Regexp {
	if in.name == nil {
		words := regexp.QuoteMeta(strings.TrimSpace(in.Customers[0].User))
		if mail := in.mail(); mail != "" {
			words += "|" + regexp.QuoteMeta(mail)
		}
		in.name = regexp.MustCompile(`(?i)(^|[^\pL\pN_.-])(` + words + `)($|[^\pL\pN_-])`)
	}
	return in.name
}

// without asks whoami and the witnesses without one cookie, and returns whether the cookie
// signs in. If a witness still shows the user when whoami does not, secondScope handles it.
func (in *inspection) without(ctx context.Context, c browse.Cookie, witnesses []place) (crumb, error) {
	still := in.is(ctx, in.lacking(c), in.id)
	one := crumb{c, !still}
	var knowing []place
	for _, at := range witnesses {
		shown := in.shows(ctx, in.lacking(c), at)
		one.matters = one.matters || !shown
		if shown && !still {
			knowing = append(knowing, at)
		}
	}
	if len(knowing) > 0 {
		in.secondScope(ctx, c, knowing)
	}
	if in.is(ctx, in.again, in.id) {
		return one, ctx.Err()
	}
	in.note("", "A set of cookies without %s ends the session at the portal.", c.Name)
	var err error
	if in.again, err = in.session(ctx); err != nil {
		return one, fmt.Errorf("signing in again after leaving out the cookie %s: %w", c.Name, err)
	}
	return one, nil
}

// lacking returns a copy of the session's browser without the cookie of c's name, path and
// domain. The value is not compared, because the portal may have changed it since.
func (in *inspection) lacking(c browse.Cookie) *browse.Browser {
	return in.again.Only(func(o browse.Cookie) bool { return o.Name != c.Name || o.Path != c.Path || o.Domain != c.Domain })
}

// secondScope handles pages that still show the user without cookie c, although whoami then
// answers anonymous. The first that names the same id becomes a second whoami, and the
// gateway then requires that both agree. If none does, a note says so.
func (in *inspection) secondScope(ctx context.Context, c browse.Cookie, knowing []place) {
	var uris []string
	for _, at := range knowing {
		if in.alsoAsk(ctx, c, at) {
			return
		}
		uris = append(uris, at.uri)
	}
	where := "whoami.0"
	if in.site.Portal != "" {
		where = "portal"
	}
	in.note(where, "Without the cookie %s whoami recognises no user, but %s still shows the user, in a way that a second whoami can't use. The gateway handles this: it forwards no cookies of another user than the one that the answer names.", c.Name, strings.Join(uris, ", "))
}

// alsoAsk makes a place a second whoami if a proven candidate there names the same user
// with and without the cookie. It returns true if the place is a whoami afterwards.
func (in *inspection) alsoAsk(ctx context.Context, c browse.Cookie, at place) bool {
	if in.site.Portal != "" {
		return false
	}
	if slices.ContainsFunc(in.site.Whoami[1:], func(w config.Whoami) bool { return w.URI == at.uri }) {
		return true
	}
	half := in.snap(ctx, in.lacking(c), []place{at})
	fits := func(good *candidate) bool {
		id, ok := good.read(half)
		return good.place == at && ok && id == in.id
	}
	return in.addWhoami(ctx, fits, "Without the cookie %s the other whoami recognises no user, but this page still does: both are asked.", c.Name)
}

// addWhoami adds the first proven candidate that fits as a further whoami, with a note, if
// all of them then give the right verdicts.
func (in *inspection) addWhoami(ctx context.Context, fits func(*candidate) bool, note string, args ...any) bool {
	before := in.site
	for _, c := range in.candidates {
		if before.Portal != "" || !fits(c) {
			continue
		}
		in.site.Whoami = append(slices.Clone(before.Whoami), c.whoami())
		if in.compile() == nil && in.is(ctx, in.again, in.id) && in.anonymous(ctx, in.browser()) {
			in.note(fmt.Sprintf("whoami.%d", len(in.site.Whoami)-1), note, args...)
			return true
		}
		in.site = before
		_ = in.compile() // these settings were compiled before
	}
	return false
}

// noteCrumbs notes which cookies sign in.
func (in *inspection) noteCrumbs() {
	var matter, rest []string
	for _, c := range in.crumbs {
		list := &rest
		if c.matters {
			list = &matter
		}
		*list = append(*list, c.String())
	}
	if len(matter) > 0 {
		in.note("", "Cookies that sign in: %s.", strings.Join(matter, ", "))
	}
	switch {
	case len(matter) == 0 && len(rest) > 1:
		in.note("", "Any one of these cookies may be missing and the user is still signed in: %s. All are sealed.", strings.Join(rest, ", "))
	case len(rest) > 0:
		in.note("", "Cookies that change no answer when they are missing: %s.", strings.Join(rest, ", "))
	}
}
