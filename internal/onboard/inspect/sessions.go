package inspect

import (
	"context"
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

// defaultSettle is what a site without `settle` has.
const defaultSettle = 2 * time.Second

// committed measures how long after its response the portal commits a sign-in: until then
// the pages are those of a stranger. A portal that names its customers on neither of these
// pages commits at once, as far as can be seen.
func (in *inspection) committed(ctx context.Context) {
	after, ok := direct.When(ctx, func() bool {
		return slices.ContainsFunc([]string{in.entry.Page.URL.String(), in.URL}, func(at string) bool {
			p, err := in.first.Get(ctx, at)
			return err == nil && in.names(p.Body) && !in.hasForm(p)
		})
	})
	in.name = nil // the address is not known yet
	if !ok || after == 0 {
		return
	}
	in.late = after
	if after < defaultSettle {
		in.note("", "The portal commits a sign-in up to %s after its response. The gateway waits %s for that (`settle`).", after, defaultSettle)
		return
	}
	settle := config.Duration(after + time.Second)
	in.site.Settle = &settle
	in.note("settle", "The portal commits a sign-in up to %s after its response.", after)
}

// await waits until a sign-in just made is committed.
func (in *inspection) await(ctx context.Context) { direct.Sleep(ctx, in.late) }

// narrow deals with cookies that whoami never gets, because they are for other paths than
// its own: below such a path the gateway can't tell whose a request is. One that signs
// nobody in is left unsealed; for another a page below its path is asked too.
func (in *inspection) narrow(ctx context.Context) error {
	b, err := in.alive(ctx)
	if err != nil {
		return err
	}
	sealed := b.Cookies()
	resolved, err := in.site.Resolved()
	if err != nil {
		return fmt.Errorf("what was found does not make a configuration, which is a flaw of inspect: %w", err)
	}
	left := portal.NewLeave(resolved.Leave)
	sealed = slices.DeleteFunc(sealed, func(c browse.Cookie) bool { return left.Class(c.Name) != portal.Sealed })
	if i := slices.IndexFunc(sealed, func(c browse.Cookie) bool { return c.Path != "/" }); i < 0 {
		return nil
	}
	bare := in.portal(in.questions).Uncovered(sealed)
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

// setApart marks, of several whoamis, those that know nobody without the cookies of narrow
// paths: requests elsewhere are asked about without these.
func (in *inspection) setApart(ctx context.Context) {
	if in.site.Portal != "" || len(in.site.Whoami) < 2 {
		return
	}
	in.site.Whoami = slices.Clone(in.site.Whoami)
	for i, q := range in.questions {
		elsewhere := in.again.Only(func(c browse.Cookie) bool { return c.Path == "/" })
		if w := &in.site.Whoami[i]; !w.Apart && in.put(ctx, elsewhere, q, nil).Kind == whoami.Anonymous {
			w.Apart = true
			in.note(fmt.Sprintf("whoami.%d", i), "It needs a cookie that is for a path of its own only, so elsewhere it knows nobody: `apart`.")
		}
	}
	_ = in.compile() // apart changes no question that compiled before
}

// cover writes down what is to become of one such cookie.
func (in *inspection) cover(ctx context.Context, c browse.Cookie) {
	below := in.pagesBelow(ctx, c)
	needed := slices.ContainsFunc(below, func(at place) bool { return in.needs(ctx, c, at) })
	switch {
	case len(below) > 0 && !needed && in.leaves(c):
	case needed && in.askBelow(ctx, c):
	default:
		in.missing("Whose a request below %s is, where the portal sends the cookie %s: no whoami gets it, so the gateway answers 503 there. Add a whoami for a page below %[1]s, or `leave %[2]s` if it signs nobody in.", c.Path, c.Name)
	}
}

// pagesBelow are pages below the cookie's path that show the user, and don't to strangers.
func (in *inspection) pagesBelow(ctx context.Context, c browse.Cookie) (list []place) {
	shows := func(b *browse.Browser, at place) bool {
		res, err := in.ask(ctx, b, at, nil)
		return err == nil && in.names(res.Body)
	}
	for _, v := range in.views {
		path, _, _ := strings.Cut(v.uri, "?")
		if len(list) < maxWitnesses && cookie.PathMatch(c.Path, path) && shows(in.again.Clone(), v.place) && !shows(in.browser(), v.place) {
			list = append(list, v.place)
		}
	}
	return list
}

// needs reports whether a page does not show the user without the cookie, or shows one by
// it alone.
func (in *inspection) needs(ctx context.Context, c browse.Cookie, at place) bool {
	same := func(o browse.Cookie) bool { return o.Name == c.Name }
	without, err := in.ask(ctx, in.again.Only(func(o browse.Cookie) bool { return !same(o) }), at, nil)
	alone, err2 := in.ask(ctx, in.again.Only(same), at, nil)
	return err != nil || err2 != nil || !in.names(without.Body) || in.names(alone.Body)
}

// leaves puts a cookie that signs nobody in under `leave`.
func (in *inspection) leaves(c browse.Cookie) bool {
	if strings.ContainsAny(c.Name, "*?[]\\{}\" ") || !in.propose("The cookie "+c.Name, func(site *config.Site) { site.Leave = append(slices.Clone(site.Leave), c.Name) }) {
		return false
	}
	in.note("leave", "%s: for %s only, where no whoami is. It signs nobody in: pages there show the user without it, and nobody by it alone.", c.Name, c.Path)
	return true
}

// askBelow makes a proven page below the cookie's path a further whoami.
func (in *inspection) askBelow(ctx context.Context, c browse.Cookie) bool {
	for _, good := range in.candidates {
		path, _, _ := strings.Cut(good.uri, "?")
		if in.site.Portal != "" || good.value != in.id || !cookie.PathMatch(c.Path, path) {
			continue
		}
		before := in.site
		in.site.Whoami = append(slices.Clone(before.Whoami), good.whoami())
		if in.compile() == nil && in.is(ctx, in.again, in.id) && in.who(ctx, in.browser(), nil).Kind == whoami.Anonymous {
			in.note(fmt.Sprintf("whoami.%d", len(in.site.Whoami)-1), "The portal sends the cookie %s below %s only, and knows the user by it there.", c.Name, c.Path)
			return true
		}
		in.site = before
		_ = in.compile() // these were compiled before
	}
	return false
}

// bound notes to which request headers the portal binds a session.
func (in *inspection) bound(ctx context.Context) error {
	in.say("trying other request headers")
	b, err := in.alive(ctx)
	if err != nil {
		return err
	}
	names, err := in.portal(in.questions).Bound(ctx, b, func() (*browse.Browser, error) { return in.alive(ctx) })
	if err != nil {
		return err
	}
	if len(names) > 0 {
		in.note("", "The portal signs out who sends another %s. The gateway's questions carry the request's own, so nothing is to be done.", strings.Join(names, ", "))
	}
	return nil
}
