package inspect

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// ends looks for the sign-out, and tries it in a session of its own.
func (in *inspection) ends(ctx context.Context) error {
	in.say("signing out")
	b, err := in.session(ctx)
	if err != nil {
		return err
	}
	for _, v := range in.withExit() {
		page, err := b.Get(ctx, in.base.String()+v.uri)
		if err != nil {
			continue
		}
		before := b.Clone()
		at, ok := leaveBy(ctx, b, page)
		if !ok || in.who(ctx, b, nil).Kind != whoami.Anonymous {
			continue
		}
		in.signedOut(ctx, at, before)
		return ctx.Err()
	}
	in.missing("How customers sign out: no link or form that says so was found, or using it did not sign out.")
	return ctx.Err()
}

// withExit are pages with something that says sign out, at most three.
func (in *inspection) withExit() (list []*view) {
	for _, v := range in.views {
		if v.accept != "" || len(list) == 3 {
			continue
		}
		if _, ok := exitLink(v.page); ok || exitForm(v.page) != nil {
			list = append(list, v)
		}
	}
	return list
}

// leaveBy uses the page's sign-out, and tells its address.
func leaveBy(ctx context.Context, b *browse.Browser, page *browse.Page) (*url.URL, bool) {
	if u, ok := exitLink(page); ok {
		_, err := b.Follow(ctx, page, u.String())
		return u, err == nil
	}
	f := exitForm(page)
	if f == nil {
		return nil, false
	}
	_, err := b.Submit(ctx, f, nil)
	return f.Action, err == nil
}

func exitLink(p *browse.Page) (found *url.URL, ok bool) {
	p.Doc().Find("a[href]").EachWithBreak(func(_ int, a *goquery.Selection) bool {
		u, err := p.Resolve(a.AttrOr("href", ""))
		if err != nil || u.Host != p.URL.Host || !leaving.MatchString(u.Path+"?"+u.RawQuery) {
			return true
		}
		found = u
		return false
	})
	return found, found != nil
}

func exitForm(p *browse.Page) *browse.Form {
	i := slices.IndexFunc(p.Forms(), func(f *browse.Form) bool { return f.Action.Host == p.URL.Host && leaving.MatchString(f.Action.Path) })
	if i < 0 {
		return nil
	}
	return p.Forms()[i]
}

// signedOut writes the sign-out down, and what became of the cookies that were held.
func (in *inspection) signedOut(ctx context.Context, at *url.URL, before *browse.Browser) {
	if pattern := exitPattern(at); in.site.Portal == "" && pattern != "" {
		in.propose("The sign-out at "+pattern, func(site *config.Site) { site.SignOut = []string{pattern} })
		in.note("sign_out", "Tried: whoami knows nobody afterwards.")
	}
	if v := in.who(ctx, before, nil); v.Kind == whoami.User {
		in.note("", "Signing out only deletes the cookies in the browser: a copy of them stays signed in at the portal.\nBehind the gateway such a copy is worthless.")
	}
}

// exitPattern is the path, and what of the query says sign out.
func exitPattern(u *url.URL) string {
	path, _, _ := strings.Cut(u.EscapedPath(), ";")
	if strings.ContainsAny(path, "*{}\"") {
		return ""
	}
	if leaving.MatchString(path) {
		return path
	}
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		if leaving.MatchString(pair) && !strings.ContainsAny(pair, "*{}\"") {
			return path + "?" + pair
		}
	}
	return ""
}

// isGone reports whether a status says that nothing is there.
func isGone(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }
