package check

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

func textOf(_ int, s *goquery.Selection) string { return strings.TrimSpace(s.Text()) }

var soundsLikeOut = regexp.MustCompile(`(?i)log[ _-]?(out|off)|sign[ _-]?(out|off)|abmeld|kirjaudu ulos|logga ut|déconnexion|uitloggen`)

// goOut signs out as a customer does: by the link or the form on a page, else at the
// address under sign_out. It says how.
func (r *run) goOut(b *browse.Browser, home string) (how string, err error) {
	page, err := b.Get(r.ctx, home)
	if err != nil {
		return "", err
	}
	if form := r.outForm(page); form != nil {
		_, err := b.Submit(r.ctx, form, nil)
		return form.Method + " " + form.Action.Path, err
	}
	address := r.outLink(page)
	if address == "" {
		return "", fmt.Errorf("%s has neither link nor form to sign out by, and there is no sign_out in the Caddyfile", page.URL.Path)
	}
	next, err := b.Follow(r.ctx, page, address)
	if err != nil {
		return "", err
	}
	// A page may ask whether it was meant, with a form or with another link.
	if form := r.outForm(next); form != nil {
		_, err = b.Submit(r.ctx, form, nil)
		return form.Method + " " + form.Action.Path, err
	}
	if link := r.outLink(next); next.Status >= 400 && link != "" && link != address {
		_, err = b.Follow(r.ctx, next, link)
	}
	return "GET " + pathOf(address), err
}

// sendOut signs a customer out who is signed in still: it sends the declared link's address
// with the fields that are hidden in all forms of the page, as the scripts of portals do
// whose links are no sign-outs without a token. It says how, or "" where it did nothing.
func (r *run) sendOut(c *customer) (how string, err error) {
	page, err := c.gate.Get(r.ctx, c.home)
	if err != nil {
		return "", err
	}
	address, err := url.Parse(r.outLink(page))
	_, in := c.tell.in(page)
	if form := common(page); err == nil && in && form != nil && r.declaredOut(address) {
		form.Action = address
		_, err = c.gate.Submit(r.ctx, form, nil)
		return "POST " + address.Path, err
	}
	return "", err
}

// common is a form of the page with nothing but the hidden fields that stand in all of its
// forms that are sent by POST, or nil.
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

func (r *run) outForm(p *browse.Page) *browse.Form {
	for _, f := range p.Forms() {
		if f.Method == "POST" && (soundsLikeOut.MatchString(f.Action.Path) || r.declaredOut(f.Action)) {
			return f
		}
	}
	return nil
}

// outLink is the page's own link, because it may carry a token, else the declared one.
func (r *run) outLink(p *browse.Page) string {
	link := ""
	p.Doc().Find("a[href]").EachWithBreak(func(_ int, a *goquery.Selection) bool {
		href := a.AttrOr("href", "")
		u, err := p.Resolve(href)
		if err != nil || u.Host != p.URL.Host || strings.HasPrefix(u.Path, r.site.Path+"/") {
			return true
		}
		if r.declaredOut(u) || soundsLikeOut.MatchString(href) || soundsLikeOut.MatchString(a.Text()) {
			link = u.String()
		}
		return link == ""
	})
	if link != "" || p.Status >= 400 {
		return link
	}
	for _, s := range r.site.SignOut {
		if !strings.Contains(s, "*") {
			return r.at(s)
		}
	}
	return ""
}

// declaredOut says whether an address is one of sign_out's.
func (r *run) declaredOut(u *url.URL) bool {
	for _, s := range r.site.SignOut {
		pattern, query, _ := strings.Cut(s, "?")
		if ok, err := path.Match(pattern, u.Path); !ok || err != nil {
			continue
		}
		want, err := url.ParseQuery(query)
		if err == nil && hasAll(u.Query(), want) {
			return true
		}
	}
	return false
}

func hasAll(got, want url.Values) bool {
	for name := range want {
		if got.Get(name) != want.Get(name) {
			return false
		}
	}
	return true
}

// signOut signs the first customer out: neither this browser nor a copy of it from
// before may get at anything of the customer's then.
func (r *run) signOut() bool {
	c := r.first
	copied := c.gate.Clone()
	how, err := r.goOut(c.gate, c.home)
	if err != nil {
		r.report.skip(rowSignOut, err.Error()+": name it with `sign_out PATH`, so that it is judged, and rehearse again")
		r.report.skip(rowAfter, "nobody could be signed out")
		return true
	}
	if by, err := r.sendOut(c); err == nil && by != "" {
		how = by
	}
	for who, b := range map[string]*browse.Browser{"the browser": c.gate, "a copy of the browser from before": copied} {
		p, err := r.look(b, c.home)
		if err != nil {
			r.report.fail(rowSignOut, err.Error(), "see the log")
			return false
		}
		if mark, found := c.tell.in(p); found && !r.ours(p) {
			r.report.fail(rowSignOut, fmt.Sprintf("after %s %s still gets %s (%s)", how, who, p.URL.Path, aboutMark(mark, found)),
				"name the portal's sign-out with `sign_out PATH`, so that its response is judged; if the portal itself stays signed in, this is not its sign-out")
			return false
		}
	}
	r.report.ok(rowSignOut, "%s; a copy of the cookies from before is worth nothing", how)
	r.afterSignOut()
	return true
}

// ours says that a page comes from the gate, or only leads there.
func (r *run) ours(p *browse.Page) bool {
	return strings.HasPrefix(p.URL.Path, r.site.Path+"/") || strings.HasPrefix(p.Header.Get("Location"), r.site.Path+"/") || r.refuses(p)
}

// refuses reports whether the gate refused with a page of its own at the portal's address:
// only its own pages use its style sheets.
func (r *run) refuses(p *browse.Page) bool {
	if !p.HTML() {
		return false
	}
	style, _ := p.Doc().Find(`link[rel="stylesheet"]`).First().Attr("href")
	return strings.HasPrefix(style, r.site.Path+"/")
}

func (r *run) afterSignOut() {
	if _, err := r.force(r.first.gate, r.start()); err != nil {
		r.report.fail(rowAfter, err.Error(), "see the log")
		return
	}
	v, asked := r.verdict()
	switch v.Kind {
	case whoami.Anonymous:
		r.report.ok(rowAfter, "%s → %s", asked.URI, seen(asked))
	case whoami.User:
		r.report.fail(rowAfter, fmt.Sprintf("whoami still names %q", v.User), "the portal was not signed out: name its sign-out with `sign_out PATH`")
	default:
		r.report.fail(rowAfter, fmt.Sprintf("%s → %s; %s", uriOf(asked), seen(asked), v.Why), signOf(asked))
	}
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the page"
	}
	return u.Path
}
