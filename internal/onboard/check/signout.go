package check

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

var signOutWords = regexp.MustCompile(`(?i)log[ _-]?(out|off)|sign[ _-]?(out|off)|abmeld|kirjaudu ulos|logga ut|déconnexion|uitloggen`)

// signOutBy signs out as a customer does: by a link or form on the page home, or else at the
// address under `sign_out`. It returns method and path of the request that it sent.
func (r *run) signOutBy(b *browse.Browser, home string) (how string, err error) {
	page, err := b.Get(r.ctx, home)
	if err != nil {
		return "", err
	}
	address := r.signOutLink(page)
	if r.signOutForm(page) == nil {
		if address == "" {
			return "", fmt.Errorf("%s has neither link nor form to sign out by, and there is no sign_out in the Caddyfile", page.URL.Path)
		}
		// The next page may ask for confirmation, with a form or with another link.
		if page, err = b.Follow(r.ctx, page, address); err != nil {
			return "", err
		}
	}
	if form := r.signOutForm(page); form != nil {
		_, err := b.Submit(r.ctx, form, nil)
		return form.Method + " " + form.Action.Path, err
	}
	if link := r.signOutLink(page); page.Status >= 400 && link != "" && link != address {
		_, err = b.Follow(r.ctx, page, link)
	}
	return "GET " + pathOf(address), err
}

// postSignOut signs a customer out if a GET of the sign-out's address had no effect. It
// POSTs to the declared address with the hidden fields that all forms of the page have,
// because portals' scripts add a token in this way. It returns method and path, or "" if it
// sent nothing.
func (r *run) postSignOut(c *customer) (how string, err error) {
	page, err := c.gate.Get(r.ctx, c.home)
	if err != nil {
		return "", err
	}
	address, err := url.Parse(r.signOutLink(page))
	if form := common(page); err == nil && c.marks.on(page) != "" && form != nil && r.declared(address) {
		form.Action = address
		_, err = c.gate.Submit(r.ctx, form, nil)
		return "POST " + address.Path, err
	}
	return "", err
}

// common returns a form with only those hidden fields that all POST forms of the page have
// with the same value, or nil if there are none.
func common(p *browse.Page) (form *browse.Form) {
	for _, f := range p.Forms() {
		switch {
		case f.Method != http.MethodPost:
		case form == nil:
			form = f
			form.Fields = slices.DeleteFunc(f.Fields, func(x browse.Field) bool { return x.Type != "hidden" || x.Value == "" })
		default:
			form.Fields = slices.DeleteFunc(form.Fields, func(x browse.Field) bool {
				same, found := f.Field(x.Name)
				return !found || same.Value != x.Value
			})
		}
	}
	if form == nil || len(form.Fields) == 0 {
		return nil
	}
	return form
}

func (r *run) signOutForm(p *browse.Page) *browse.Form {
	return p.Form(func(f *browse.Form) bool {
		return f.Method == "POST" && (signOutWords.MatchString(f.Action.Path) || r.declared(f.Action))
	})
}

// signOutLink returns the address of the page's link to sign out, or else the declared
// address, or "". The link goes first because it may carry a token.
func (r *run) signOutLink(p *browse.Page) string {
	for _, l := range p.Links() {
		if l.URL.Host == p.URL.Host && !r.below(l.URL.Path) && (r.declared(l.URL) || signOutWords.MatchString(l.Href) || signOutWords.MatchString(l.Text)) {
			return l.URL.String()
		}
	}
	for _, s := range r.site.SignOut {
		if p.Status < 400 && !strings.Contains(s, "*") {
			return r.at(s)
		}
	}
	return ""
}

// declared reports whether an address matches a pattern of `sign_out`.
func (r *run) declared(u *url.URL) bool {
	return slices.ContainsFunc(r.site.SignOut, func(s string) bool {
		pattern, query, _ := strings.Cut(s, "?")
		matched, err := path.Match(pattern, u.Path)
		want, bad := url.ParseQuery(query)
		for name := range want {
			matched = matched && u.Query().Get(name) == want.Get(name)
		}
		return matched && err == nil && bad == nil
	})
}

// signOut is the check that after a sign-out neither the browser nor a copy of its cookies
// from before reaches the customer's pages.
func (r *run) signOut() outcome {
	c := r.first
	copied := c.gate.Clone()
	how, err := r.signOutBy(c.gate, c.home)
	if err != nil {
		return skipped(err.Error() + ": name it with `sign_out PATH`, so that its response is checked, and test again")
	}
	r.signedOut = true
	if by, err := r.postSignOut(c); err == nil && by != "" {
		how = by
	}
	for _, v := range []struct {
		who string
		b   *browse.Browser
	}{{"the browser", c.gate}, {"a copy of the browser from before", copied}} {
		p, err := r.look(v.b, c.home)
		if err != nil {
			return ending(broken(err))
		}
		if mark := r.leaks(p, c.marks); mark != "" {
			return ending(failed(fmt.Sprintf("after %s %s still gets %s (%s)", how, v.who, p.URL.Path, aboutMark(mark)),
				"name the portal's sign-out with `sign_out PATH`, so that its response is judged; if the portal itself stays signed in, this is not its sign-out"))
		}
	}
	return ok("%s; a copy of the earlier cookies is useless", how)
}

// afterSignOut is the check that whoami answers anonymous after the sign-out.
func (r *run) afterSignOut() outcome {
	if !r.signedOut {
		return skipped("no customer could be signed out")
	}
	if _, err := r.force(r.first.gate, r.start()); err != nil {
		return broken(err)
	}
	v, asked := r.verdict()
	switch v.Kind {
	case whoami.Anonymous:
		return ok("%s", answerOf(asked))
	case whoami.User:
		return failed(fmt.Sprintf("whoami still names %q", v.User), "the portal was not signed out: name its sign-out with `sign_out PATH`")
	}
	return failed(answerOf(asked)+"; "+v.Why, signOf(asked))
}
