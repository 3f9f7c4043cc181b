package inspect

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// calls are where portals take calls with a password or a token in the body.
var calls = []string{"/xmlrpc.php", "/lib/exe/xmlrpc.php", "/lib/exe/jsonrpc.php", "/xmlrpc", "/RPC2", "/jsonrpc", "/jsonrpc.php", "/rpc",
	"/api/xmlrpc", "/api/jsonrpc", "/api_jsonrpc.php", "/soap", "/soap.php", "/api/soap"}

// signIns are where portals take sign-ins of their apps.
var signIns = []string{"/api/login", "/api/auth/login", "/api/v1/login", "/api/session", "/api/sessions", "/api/token", "/auth/token", "/oauth/token"}

// sideDoors tries ways in that are not the sign-in form.
func (in *inspection) sideDoors(ctx context.Context) error {
	in.say("trying side doors")
	in.basic(ctx)
	in.query(ctx)
	in.sessionInAddress(ctx)
	in.remoteCalls(ctx)
	in.otherSignIns(ctx)
	return ctx.Err()
}

// known reports whether the questions name the first customer.
func (in *inspection) known(v whoami.Verdict) bool { return v.Kind == whoami.User && v.User == in.id }

// basic gives user name and password with every request.
func (in *inspection) basic(ctx context.Context) {
	a := in.Customers[0]
	h := http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(a.User+":"+a.Password))}}
	if in.known(in.who(ctx, in.browser(), h)) {
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
	if _, err := b.Once(ctx, http.MethodGet, u.String(), browse.Navigation(), nil); err != nil {
		return
	}
	if in.known(in.who(ctx, b, nil)) {
		in.note("", "Side door: the portal signs in by GET, with the form's fields in the query. The gateway judges every\nrequest that carries one of them, so it is shut.")
	}
}

// sessionInAddress gives the session's id in the address and no cookie.
func (in *inspection) sessionInAddress(ctx context.Context) {
	b, err := in.alive(ctx)
	if err != nil || len(in.questions) != 1 {
		return
	}
	target, query, _ := strings.Cut(in.questions[0].URI(), "?")
	for _, c := range b.Cookies() {
		if !slices.ContainsFunc(in.crumbs, func(k crumb) bool { return k.matters && k.Name == c.Name }) {
			continue
		}
		for _, uri := range []string{
			target + ";" + strings.ToLower(c.Name) + "=" + url.PathEscape(c.Value) + prefixed("?", query),
			target + "?" + url.QueryEscape(c.Name) + "=" + url.QueryEscape(c.Value) + prefixed("&", query),
		} {
			res, err := in.ask(ctx, in.browser(), place{uri: uri}, in.questions[0].Headers(""))
			if err == nil && in.known(in.questions[0].Judge(res)) {
				in.note("", "Side door: the portal takes the session of %s from the address too. The gateway takes it out there, so it is shut.", c.Name)
				return
			}
		}
	}
}

func prefixed(sep, s string) string {
	if s == "" {
		return ""
	}
	return sep + s
}

// remoteCalls looks where calls are taken. Only GETs are sent, so what is found is that
// something answers there.
func (in *inspection) remoteCalls(ctx context.Context) {
	covered := in.denied()
	var found []string
	for _, p := range calls {
		if !slices.Contains(covered, p) && in.answers(ctx, p) {
			found = append(found, p)
			in.site.Deny = append(in.site.Deny, matchPath(p))
		}
	}
	if len(found) > 0 {
		in.note("deny", "Remote calls answer here (XML-RPC, JSON-RPC or SOAP): a password in their body is no sign-in that\na cookie would show. If programs need them, put them under `trust` and know that no code is asked there.")
	}
}

// denied are the paths that the settings shut already, a preset's too.
func (in *inspection) denied() (list []string) {
	resolved, err := in.site.Resolved()
	if err != nil {
		return nil
	}
	for _, m := range resolved.Deny {
		for _, p := range append(slices.Clone(calls), signIns...) {
			if bytes.Contains(m["path"], []byte(`"`+p+`"`)) {
				list = append(list, p)
			}
		}
	}
	return list
}

// answers reports whether something is at a path that is not at a made-up one beside
// it, and that does not send strangers to sign in.
func (in *inspection) answers(ctx context.Context, p string) bool {
	res, err := in.ask(ctx, in.browser(), place{uri: p}, nil)
	if err != nil || isGone(res.Status) || res.Status/100 == 3 || res.Status == http.StatusForbidden || res.Status == http.StatusServiceUnavailable {
		return false
	}
	beside := path.Join(path.Dir(p), strings.ToLower(rand.Text())+path.Ext(p))
	none, err := in.ask(ctx, in.browser(), place{uri: beside}, nil)
	if err != nil {
		return false
	}
	kind := func(r whoami.Response) string { k, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); return k }
	if none.Status != res.Status {
		return true
	}
	return kind(none) != kind(res) && !strings.Contains(kind(res), "html")
}

// otherSignIns adds addresses of apps' sign-ins, so that those are judged by name too.
func (in *inspection) otherSignIns(ctx context.Context) {
	for _, p := range signIns {
		if len(in.site.SignIn) == 0 || !in.refusesGet(ctx, p) || !in.addSignIn(p) {
			continue
		}
		in.note("sign_in.0", "%s answers too, and wants something other than a GET.", p)
	}
}

func (in *inspection) refusesGet(ctx context.Context, p string) bool {
	res, err := in.ask(ctx, in.browser(), place{uri: p}, nil)
	return err == nil && (res.Status == http.StatusMethodNotAllowed || res.Status == http.StatusUnsupportedMediaType) && in.answers(ctx, p)
}
