package inspect

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// ends looks for the sign-out on the crawled pages and tries it in a new session. If whoami
// then answers anonymous, signedOut adds it to the settings. It tries three pages at most.
func (in *inspection) ends(ctx context.Context) error {
	in.say("signing out")
	b, err := in.session(ctx)
	if err != nil {
		return err
	}
	tried := 0
	for _, v := range in.views {
		if link, form := exit(v.page); v.accept != "" || link == nil && form == nil || tried == 3 {
			continue
		}
		tried++
		page, err := b.Get(ctx, in.base.String()+v.uri)
		if err != nil {
			continue
		}
		before := b.Clone()
		at, form := exit(page)
		if at != nil {
			_, err = b.Follow(ctx, page, at.String())
		} else if form != nil {
			at = form.Action
			_, err = b.Submit(ctx, form, nil)
		}
		if at != nil && err == nil && in.anonymous(ctx, b) {
			in.signedOut(ctx, at, before)
			return ctx.Err()
		}
	}
	in.missing("How customers sign out: no link or form that says so was found, or using it did not sign out.")
	return ctx.Err()
}

// exit returns the page's link or else its form to sign out.
func exit(p *browse.Page) (link *url.URL, form *browse.Form) {
	for _, l := range p.Links() {
		if l.URL.Host == p.URL.Host && leaving.MatchString(l.URL.Path+"?"+l.URL.RawQuery) {
			return l.URL, nil
		}
	}
	return nil, p.Form(func(f *browse.Form) bool { return f.Action.Host == p.URL.Host && leaving.MatchString(f.Action.Path) })
}

// signedOut adds the sign-out to the settings, and notes whether the cookies from before
// still work.
func (in *inspection) signedOut(ctx context.Context, at *url.URL, before *browse.Browser) {
	if pattern := exitPattern(at); in.site.Portal == "" && pattern != "" {
		in.propose("The sign-out at "+pattern, func(site *config.Site) { site.SignOut = []string{pattern} })
		in.note("sign_out", "Tried: whoami shows no user afterwards.")
	}
	if in.portal.Who(ctx, before, nil).Kind == whoami.User {
		in.note("", "Signing out only deletes the cookies in the browser: a copy of them stays signed in at the portal.\nBehind the gateway such a copy is worthless.")
	}
}

// exitPattern returns the pattern for `sign_out`: the path, and if that has no word of a
// sign-out, also the query parameter that has one. It returns "" if neither has one.
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

// calls are paths at which portals accept remote calls, with a password or token in the
// body.
var calls = []string{"/xmlrpc.php", "/lib/exe/xmlrpc.php", "/lib/exe/jsonrpc.php", "/xmlrpc", "/RPC2", "/jsonrpc", "/jsonrpc.php", "/rpc",
	"/api/xmlrpc", "/api/jsonrpc", "/api_jsonrpc.php", "/soap", "/soap.php", "/api/soap"}

// signIns are paths at which portals accept the sign-ins of apps.
var signIns = []string{"/api/login", "/api/auth/login", "/api/v1/login", "/api/session", "/api/sessions", "/api/token", "/auth/token", "/oauth/token"}

// sideDoors tries the side doors: ways to sign in besides the sign-in form. Most only add a
// note, because the gateway closes them; remoteCalls adds `deny`.
func (in *inspection) sideDoors(ctx context.Context) error {
	in.say("trying side doors")
	in.basic(ctx)
	in.query(ctx)
	in.sessionInAddress(ctx)
	in.remoteCalls(ctx)
	in.otherSignIns(ctx)
	return ctx.Err()
}

// known reports whether a verdict names the first customer.
func (in *inspection) known(v whoami.Verdict) bool { return v.Kind == whoami.User && v.User == in.id }

// basic sends user name and password by HTTP Basic.
func (in *inspection) basic(ctx context.Context) {
	h := make(http.Header)
	(&http.Request{Header: h}).SetBasicAuth(in.Customers[0].User, in.Customers[0].Password)
	if in.known(in.portal.Who(ctx, in.browser(), h)) {
		in.note("", "Side door: the portal takes user name and password by HTTP Basic. The gateway takes that header out of\nrequests, so it is shut; programs that use it need `trust` or another way.")
	}
}

// query signs in by GET, with the form's fields in the query.
func (in *inspection) query(ctx context.Context) {
	b := in.browser()
	e, err := b.Find(ctx, in.form)
	if err != nil || e.Form.Action.Host != in.base.Host {
		return
	}
	u := *e.Form.Action
	q := u.Query()
	for _, f := range e.Form.Fields {
		if f.Sent && f.Name != "" {
			q.Set(f.Name, f.Value)
		}
	}
	q.Set(e.User, in.Customers[0].User)
	q.Set(e.Password, in.Customers[0].Password)
	u.RawQuery = q.Encode()
	if _, err := b.Once(ctx, http.MethodGet, u.String(), browse.Navigation(), nil); err == nil && in.is(ctx, b, in.id) {
		in.note("", "Side door: the portal signs in by GET, with the form's fields in the query. The gateway judges every\nrequest that carries one of them, so it is shut.")
	}
}

// sessionInAddress sends the session's id in the address and no cookie.
func (in *inspection) sessionInAddress(ctx context.Context) {
	b, err := in.alive(ctx)
	if err != nil || len(in.portal.Questions) != 1 {
		return
	}
	target, query, _ := strings.Cut(in.portal.Questions[0].URI(), "?")
	for _, c := range b.Cookies() {
		if !slices.ContainsFunc(in.crumbs, func(k crumb) bool { return k.matters && k.Name == c.Name }) {
			continue
		}
		for _, uri := range []string{
			strings.TrimSuffix(target+";"+strings.ToLower(c.Name)+"="+url.PathEscape(c.Value)+"?"+query, "?"),
			strings.TrimSuffix(target+"?"+url.QueryEscape(c.Name)+"="+url.QueryEscape(c.Value)+"&"+query, "&"),
		} {
			res, err := in.ask(ctx, in.browser(), place{uri: uri}, in.portal.Questions[0].Headers(""))
			if err == nil && in.known(in.portal.Questions[0].Judge(res)) {
				in.note("", "Side door: the portal takes the session of %s from the address too. The gateway takes it out there, so it is shut.", c.Name)
				return
			}
		}
	}
}

// remoteCalls adds paths that seem to accept remote calls to `deny`. It sends only GETs, so
// it can only find that something answers at the path.
func (in *inspection) remoteCalls(ctx context.Context) {
	resolved, _ := in.site.Resolved() // the settings were compiled before
	found := false
	for _, p := range calls {
		denied := func(m config.MatcherSet) bool { return bytes.Contains(m["path"], []byte(`"`+p+`"`)) }
		if !slices.ContainsFunc(resolved.Deny, denied) && in.answers(ctx, p) {
			found = true
			in.site.Deny = append(in.site.Deny, matchPath(p))
		}
	}
	if found {
		in.note("deny", "Remote calls answer here (XML-RPC, JSON-RPC or SOAP): a password in their body is no sign-in that\na cookie would show. If programs need them, put them under `trust` and know that no code is asked there.")
	}
}

// answers reports whether something is served at a path: it answers an anonymous visitor
// otherwise than a random path in the same directory does, and does not redirect.
func (in *inspection) answers(ctx context.Context, p string) bool {
	res, err := in.ask(ctx, in.browser(), place{uri: p}, nil)
	if err != nil || res.Status == http.StatusNotFound || res.Status == http.StatusGone || res.Status/100 == 3 || res.Status == http.StatusForbidden || res.Status == http.StatusServiceUnavailable {
		return false
	}
	beside := path.Join(path.Dir(p), strings.ToLower(rand.Text())+path.Ext(p))
	none, err := in.ask(ctx, in.browser(), place{uri: beside}, nil)
	if err != nil {
		return false
	}
	kind := func(r whoami.Response) string { k, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); return k }
	return none.Status != res.Status || kind(none) != kind(res) && !strings.Contains(kind(res), "html")
}

// otherSignIns adds paths at which apps sign in to `sign_in`, if the portal answers there
// and refuses GET.
func (in *inspection) otherSignIns(ctx context.Context) {
	for _, p := range signIns {
		if len(in.site.SignIn) > 0 && in.refusesGet(ctx, p) && in.addSignIn(p) {
			in.note("sign_in.0", "%s answers too, and wants something other than a GET.", p)
		}
	}
}

func (in *inspection) refusesGet(ctx context.Context, p string) bool {
	res, err := in.ask(ctx, in.browser(), place{uri: p}, nil)
	return err == nil && (res.Status == http.StatusMethodNotAllowed || res.Status == http.StatusUnsupportedMediaType) && in.answers(ctx, p)
}
