package inspect

import (
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
	policy := portal.NewLeave(resolved.Leave)
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

// setApart marks, of several whoamis, those that name no user without the cookies of narrow
// paths: they are not asked for requests elsewhere.
func (in *inspection) setApart(ctx context.Context) {
	if in.site.Portal != "" || len(in.site.Whoami) < 2 {
		return
	}
	in.site.Whoami = slices.Clone(in.site.Whoami)
	for i, q := range in.portal.Questions {
		elsewhere := in.again.Only(func(c browse.Cookie) bool { return c.Path == "/" })
		if w := &in.site.Whoami[i]; !w.Apart && in.portal.Put(ctx, elsewhere, q, nil).Kind == whoami.Anonymous {
			w.Apart = true
			in.note(fmt.Sprintf("whoami.%d", i), "It needs a cookie that is for a path of its own only, so elsewhere it knows nobody: `apart`.")
		}
	}
	_ = in.compile() // apart changes no question that compiled before
}

// cover chooses the settings for one such cookie.
func (in *inspection) cover(ctx context.Context, c browse.Cookie) {
	below := in.pagesBelow(ctx, c)
	needed := slices.ContainsFunc(below, func(at place) bool { return in.needs(ctx, c, at) })
	switch {
	case len(below) > 0 && !needed && in.leave(c, "%s: for %s only, where no whoami is. It signs nobody in: pages there show the user without it, and nobody by it alone.", c.Name, c.Path):
	case needed && in.askBelow(ctx, c):
	default:
		in.missing("Whose a request below %s is, where the portal sends the cookie %s: no whoami gets it, so the gateway answers 503 there. Add a whoami for a page below %[1]s, or `leave %[2]s` if it signs nobody in.", c.Path, c.Name)
	}
}

// pagesBelow are pages below the cookie's path that show the user, and not to strangers.
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

// needs reports whether a page does not show the user without the cookie, or shows the user
// with it alone.
func (in *inspection) needs(ctx context.Context, c browse.Cookie, at place) bool {
	same := func(o browse.Cookie) bool { return o.Name == c.Name }
	without, err := in.ask(ctx, in.again.Only(func(o browse.Cookie) bool { return !same(o) }), at, nil)
	alone, err2 := in.ask(ctx, in.again.Only(same), at, nil)
	return err != nil || err2 != nil || !in.names(without.Body) || in.names(alone.Body)
}

// leave puts a cookie under `leave`, with a note.
func (in *inspection) leave(c browse.Cookie, note string, args ...any) bool {
	if strings.ContainsAny(c.Name, "*?[]\\{}\" ") || !in.propose("The cookie "+c.Name, func(site *config.Site) { site.Leave = append(slices.Clone(site.Leave), c.Name) }) {
		return false
	}
	in.note("leave", note, args...)
	return true
}

// askBelow makes a proven page below the cookie's path a further whoami.
func (in *inspection) askBelow(ctx context.Context, c browse.Cookie) bool {
	for _, good := range in.candidates {
		path, _, _ := strings.Cut(good.uri, "?")
		if in.site.Portal != "" || good.value != in.id || !cookie.PathMatch(c.Path, path) {
			continue
		}
		if in.addWhoami(ctx, good, "The portal sends the cookie %s below %s only, and knows the user by it there.", c.Name, c.Path) {
			return true
		}
	}
	return false
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
		in.note("", "The portal signs out who sends another %s. The gateway's questions carry the request's own, so nothing is to be done.", strings.Join(names, ", "))
	}
	return nil
}
