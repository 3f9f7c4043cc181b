package check

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
)

// door is a way to sign in besides the sign-in form that some portals have.
type door struct {
	row string
	// try sends the requests with a browser, and returns the responses; nil elements are
	// requests that failed.
	try func(r *run, b *browse.Browser, c *customer) []*browse.Page
	// open reports whether a response shows that the sign-in worked although it has none
	// of the customer's marks. It may be nil.
	open func(p *browse.Page) bool
	do   string // advice if the door is open; %s is replaced by the path
	// borrowed says that the door uses the session of customer.direct. It must not be
	// signed out, because later doors use it too.
	borrowed bool
}

var sideDoors = []door{
	{"side door Basic", basic, nil, "take this path out of `trust`, and `Authorization` out of `credential header`: without them the gate removes the header", false},
	{"side door query login", queryLogin, nil, "name the form's fields: `sign_in { username NAME password NAME }`, so that an address with them is judged like the form", false},
	{"side door form elsewhere", formElsewhere, nil, "take this path out of `trust` and `public`", false},
	{"side door other paths", otherPaths, nil, "take this path out of `trust` and `public`; for a cookie without Path see the line “" + rowPaths + "”", false},
	{"side door XML-RPC", xmlRPC, xmlRPCOpen, "`deny %s`: its requests carry the password in the body", false},
	{"side door JSON-RPC", jsonRPC, jsonRPCOpen, "`deny %s`: its requests carry the password in the body", false},
	{"side door JSON sign-in", jsonSignIn, tokenGiven, "`deny %s`, unless the portal's own pages need it: what it answers opens the portal without a cookie", false},
	{"side door session in the address", sessionInAddress, nil, "take this path out of `trust` and `public`", true},
	{"side door session in a body", sessionInBody, nil, "declare the cookie's name, so that no body may have it: `credential query NAME`", true},
	{"side door the portal's own cookies", rawCookies, nil, "take the session's cookie out of `leave`, and this path out of `trust`", true},
}

// doorPages are the pages that a door opened: there at the portal itself, here through the
// gateway. A page is nil if the door did not open.
type doorPages struct{ there, here *browse.Page }

// doors returns a step for each side door. The first step to run tries all of them, because
// tryDoors runs some at the same time.
func (r *run) doors() (steps []step) {
	pages := sync.OnceValue(r.tryDoors)
	for i, d := range sideDoors {
		steps = append(steps, step{d.row, func() outcome { return d.outcome(pages()[i]) }})
	}
	return steps
}

// tryDoors tries each door with the first customer's password: at the portal, to learn
// whether it has such a door, and through the gateway, where the door must be shut. Doors
// that the portal does not have are tried through the gateway concurrently, because the
// gateway waits for `settle` after each sign-in that seems to fail. Doors that it has are
// tried one after another, because their sign-ins could end each other's sessions.
func (r *run) tryDoors() []doorPages {
	pages := make([]doorPages, len(sideDoors))
	for i, d := range sideDoors {
		b := r.atPortal()
		pages[i].there = r.through(d, b)
		if pages[i].there != nil && !d.borrowed {
			_, _ = r.signOutBy(b, r.first.home)
		}
	}
	var absent sync.WaitGroup
	for i, d := range sideDoors {
		if pages[i].there == nil {
			absent.Go(func() { pages[i].here = r.through(d, r.browser()) })
		}
	}
	absent.Wait()
	for i, d := range sideDoors {
		if pages[i].there != nil {
			pages[i].here = r.through(d, r.browser())
		}
	}
	return pages
}

func (d door) outcome(pages doorPages) outcome {
	there, here := pages.there, pages.here
	switch {
	case here != nil:
		do := strings.ReplaceAll(d.do, "%s", here.URL.Path)
		return failed(fmt.Sprintf("%s answers %d to a customer who owes a code, and shows what only signed-in customers get", here.URL.Path, here.Status), do)
	case there != nil:
		return ok("closed; at the portal itself it is open (%s)", there.URL.Path)
	}
	return ok("closed; the portal has none, as far as was tried")
}

// through tries a door, and then opens the customer's page, because the door may have signed
// the browser in without showing it. It returns the first page that is the customer's, or
// nil if the door is shut.
func (r *run) through(d door, b *browse.Browser) *browse.Page {
	pages := d.try(r, b, r.first)
	direct.Sleep(r.ctx, r.late)
	pages = append(pages, r.getAll(b, r.first.home)...)
	opened := func(p *browse.Page) bool {
		return p != nil && !r.fromGate(p) && (r.first.marks.on(p) != "" || d.open != nil && d.open(p))
	}
	if i := slices.IndexFunc(pages, opened); i >= 0 {
		return pages[i]
	}
	return nil
}

// basic sends user name and password by HTTP Basic.
func basic(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	h := browse.Navigation()
	(&http.Request{Header: h}).SetBasicAuth(c.User, c.Password)
	for _, address := range append(r.memberPages(c), r.exempt()...) {
		pages = append(pages, r.once(b, http.MethodGet, address, h, ""))
	}
	return pages
}

// values returns the sign-in form filled in: its hidden fields, user name and password.
func values(c *customer) url.Values {
	v := url.Values{}
	for _, f := range c.entry.Form.Fields {
		if f.Sent && f.Type == "hidden" {
			v.Set(f.Name, f.Value)
		}
	}
	v.Set(c.entry.User, c.User)
	v.Set(c.entry.Password, c.Password)
	return v
}

// queryLogin sends the form's fields in the query. It opens an anonymous session first: if
// the portal signs that session in, no cookie changes, which is the harder case for the
// gateway to notice.
func queryLogin(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	_, _ = b.Get(r.ctx, r.start())
	for _, address := range append([]string{c.entry.Form.Action.String(), r.start()}, r.memberPages(c)...) {
		u, err := url.Parse(address)
		if err != nil {
			continue
		}
		q := u.Query()
		for name, v := range values(c) {
			if name == c.entry.User || name == c.entry.Password || !q.Has(name) {
				q[name] = v
			}
		}
		u.RawQuery = q.Encode()
		pages = append(pages, r.getAll(b, u.String())...)
	}
	return pages
}

// formElsewhere sends the form to other pages than its own.
func formElsewhere(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	_, _ = b.Get(r.ctx, r.start())
	for _, address := range append([]string{r.at("/")}, r.memberPages(c)...) {
		pages = append(pages, r.post(b, address, values(c)))
	}
	return pages
}

// otherPaths signs in at other spellings of the form's address that portals accept, and
// asks again there: a cookie without Path is then for another directory.
func otherPaths(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	action := c.entry.Form.Action.Path
	for _, spelled := range []struct{ to, next string }{
		{"/." + action, "/." + pathOf(c.home)},
		{path.Join(action, "x", "y"), path.Join(action, "x", "z")},
	} {
		e, err := b.Find(r.ctx, r.start())
		if err != nil {
			continue // the gateway asks for the code already, or the portal shows a signed-in user no form
		}
		u := *e.Form.Action
		u.Path, u.RawPath = spelled.to, ""
		e.Form.Action = &u
		if err := b.Enter(r.ctx, e, c.Account); err == nil {
			pages = append(pages, e.Page)
		}
		pages = append(pages, r.getAll(b, r.at(spelled.to), r.at(spelled.next))...)
	}
	return append(pages, r.getAll(b, r.exempt()...)...)
}

// call sends each body to each path.
func (r *run) call(b *browse.Browser, kind string, paths []string, bodies ...string) (pages []*browse.Page) {
	for _, path := range paths {
		for _, body := range bodies {
			pages = append(pages, r.once(b, http.MethodPost, r.at(path), http.Header{"Content-Type": {kind}}, body))
		}
	}
	return pages
}

func xmlRPC(r *run, b *browse.Browser, c *customer) []*browse.Page {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	signIn := func(method string) string {
		return "<?xml version=\"1.0\"?><methodCall><methodName>" + method + "</methodName><params><param><value><string>" + escape.Replace(c.User) +
			"</string></value></param><param><value><string>" + escape.Replace(c.Password) + "</string></value></param></params></methodCall>"
	}
	return r.call(b, "text/xml", []string{"/xmlrpc.php", "/lib/exe/xmlrpc.php", "/xmlrpc", "/RPC2"}, signIn("wp.getUsersBlogs"), signIn("dokuwiki.login"))
}

// refusedCall matches the XML-RPC response false, with which a failed sign-in is answered.
var refusedCall = regexp.MustCompile(`<params>\s*<param>\s*<value>\s*<boolean>0</boolean>`)

func xmlRPCOpen(p *browse.Page) bool {
	text := p.Text()
	return p.Status == http.StatusOK && strings.Contains(text, "<methodResponse") && !strings.Contains(text, "<fault") && !refusedCall.MatchString(text)
}

func jsonRPC(r *run, b *browse.Browser, c *customer) []*browse.Page {
	signIn := func(method string) string {
		// Strings and numbers always have a JSON form.
		call, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": []string{c.User, c.Password}})
		return string(call)
	}
	return r.call(b, "application/json", []string{"/lib/exe/jsonrpc.php", "/jsonrpc.php", "/jsonrpc", "/api/jsonrpc"}, signIn("core.login"), signIn("login"))
}

func jsonRPCOpen(p *browse.Page) bool {
	var got struct{ Result, Error any }
	if p.Status != http.StatusOK || json.Unmarshal(p.Body, &got) != nil || got.Error != nil {
		return false
	}
	return got.Result != nil && got.Result != false && got.Result != ""
}

// jsonSignIn sends user name and password as JSON, as apps and scripts of portals do.
func jsonSignIn(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	body := map[string]string{"username": c.User, "login": c.User, "email": c.User, "password": c.Password}
	body[c.entry.User], body[c.entry.Password] = c.User, c.Password
	call, _ := json.Marshal(body) // strings always have a JSON form
	addresses := []string{c.entry.Form.Action.String()}
	paths := []string{"/api/login", "/api/auth/login", "/api/token", "/auth/token"}
	for _, s := range r.site.SignIn {
		paths = append(paths, s.Paths...)
	}
	for _, p := range paths {
		if a := r.at(p); !strings.Contains(p, "*") && !slices.Contains(addresses, a) {
			addresses = append(addresses, a)
		}
	}
	for _, a := range addresses {
		h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Origin": {r.plan.URL}}
		pages = append(pages, r.once(b, http.MethodPost, a, h, string(call)))
	}
	return pages
}

var tokenName = regexp.MustCompile(`(?i)token|jwt|session|api_?key`)

// tokenGiven reports whether a JSON response has a value with the name of a session token.
func tokenGiven(p *browse.Page) (given bool) {
	if p.Status < 300 && gjson.ValidBytes(p.Body) {
		gjson.ParseBytes(p.Body).ForEach(func(name, v gjson.Result) bool {
			given = v.Type == gjson.String && len(v.Str) >= 8 && tokenName.MatchString(name.Str)
			return !given
		})
	}
	return given
}

// sessionInAddress sends a session's id in the address, where Java and PHP portals may
// look for it.
func sessionInAddress(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	for _, k := range c.direct.Cookies() {
		for _, address := range r.memberPages(c) {
			u, err := url.Parse(address)
			if err != nil {
				continue
			}
			path, query := *u, *u
			path.Path += ";" + strings.ToLower(k.Name) + "=" + k.Value
			path.RawPath = ""
			q := query.Query()
			q.Set(k.Name, k.Value)
			query.RawQuery = q.Encode()
			pages = append(pages, r.getAll(b, path.String(), query.String())...)
		}
	}
	return pages
}

// sessionInBody sends a session's id as a field of a form, without its cookie.
func sessionInBody(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	for _, k := range c.direct.Cookies() {
		for _, address := range r.memberPages(c) {
			pages = append(pages, r.post(b, address, url.Values{k.Name: {k.Value}}))
		}
	}
	return pages
}

// rawCookies sends the portal's own session cookies, as an attacker can who signed in at
// the portal without the gateway. The gateway must drop them, because they are not sealed.
func rawCookies(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	for _, k := range c.direct.Cookies() {
		b.Put(k)
	}
	return r.getAll(b, append(r.memberPages(c), r.exempt()...)...)
}
