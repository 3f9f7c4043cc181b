package check

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/onboard/direct"
)

// door is a way past the sign-in form that some portals have.
type door struct {
	row string
	// try goes through it with a browser, and gives what came.
	try func(r *run, b *browse.Browser, c *customer) []*browse.Page
	// open says of one such page that it came to somebody signed in, beyond what the
	// customer's own pages show anyway.
	open func(p *browse.Page) bool
	do   string
	// borrowed: it goes by the session of a sign-in that is still needed.
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

func doorRows() (rows []string) {
	for _, d := range sideDoors {
		rows = append(rows, d.row)
	}
	return rows
}

// doors tries each with the first customer's real password: at the portal, to see
// whether there is such a door, and through the gate, where it has to be shut.
func (r *run) doors() bool {
	there := make([]*browse.Page, len(sideDoors))
	for i, d := range sideDoors {
		direct := browse.New(browse.Options{Transport: r.stage.Portal()})
		there[i] = r.through(d, direct)
		if there[i] != nil && !d.borrowed {
			_, _ = r.goOut(direct, r.first.home)
		}
	}
	here := r.throughTheGate(there)
	for i, d := range sideDoors {
		r.reportDoor(d, there[i], here[i])
	}
	return true
}

// throughTheGate tries the doors at the gate. Those that sign nobody in at the portal are
// tried at the same time: the gate waits for a while before it believes that a sign-in
// failed. One that is open there might end the sessions of the others.
func (r *run) throughTheGate(there []*browse.Page) []*browse.Page {
	here := make([]*browse.Page, len(sideDoors))
	var shut sync.WaitGroup
	for i, d := range sideDoors {
		if there[i] == nil {
			shut.Go(func() { here[i] = r.through(d, r.browser()) })
		}
	}
	shut.Wait()
	for i, d := range sideDoors {
		if there[i] != nil {
			here[i] = r.through(d, r.browser())
		}
	}
	return here
}

func (r *run) reportDoor(d door, there, here *browse.Page) {
	switch {
	case here != nil:
		do := d.do
		if strings.Contains(do, "%s") {
			do = fmt.Sprintf(do, here.URL.Path)
		}
		r.report.fail(d.row, fmt.Sprintf("%s answers %d to somebody who owes a code, and shows what only those signed in get", here.URL.Path, here.Status), do)
	case there != nil:
		r.report.ok(d.row, "shut; at the portal it is open (%s)", there.URL.Path)
	default:
		r.report.ok(d.row, "shut; the portal has none, as far as was tried")
	}
}

// through gives the page that was let out, or nil. Afterwards the browser opens the
// customer's own page: the door may have signed it in.
func (r *run) through(d door, b *browse.Browser) *browse.Page {
	pages := d.try(r, b, r.first)
	direct.Sleep(r.ctx, r.late)
	if p, err := r.look(b, r.first.home); err == nil {
		pages = append(pages, p)
	}
	for _, p := range pages {
		if p == nil || r.ours(p) {
			continue
		}
		if _, found := r.first.tell.in(p); found {
			return p
		}
		if d.open != nil && d.open(p) {
			return p
		}
	}
	return nil
}

// once is one request whose errors don't matter: there are doors that aren't there.
func (r *run) once(b *browse.Browser, method, address string, h http.Header, body string) *browse.Page {
	p, err := b.Once(r.ctx, method, address, h, []byte(body))
	if err != nil {
		return nil
	}
	return p
}

func basic(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	h := browse.Navigation()
	h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.User+":"+c.Password)))
	for _, address := range append(r.memberPages(c), r.exempt()...) {
		pages = append(pages, r.once(b, http.MethodGet, address, h, ""))
	}
	return pages
}

// values are what the sign-in form sends.
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

// queryLogin puts the form's fields into the address, in a session that the portal
// already knows and in which nobody is signed in: there no cookie needs to change.
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
		pages = append(pages, r.once(b, http.MethodGet, u.String(), browse.Navigation(), ""))
	}
	return pages
}

// formElsewhere sends the form to other pages than its own.
func formElsewhere(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	_, _ = b.Get(r.ctx, r.start())
	h := browse.Navigation()
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	h.Set("Origin", r.plan.URL)
	for _, address := range append([]string{r.at("/")}, r.memberPages(c)...) {
		pages = append(pages, r.once(b, http.MethodPost, address, h, values(c).Encode()))
	}
	return pages
}

func xmlRPC(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	for _, path := range []string{"/xmlrpc.php", "/lib/exe/xmlrpc.php", "/xmlrpc", "/RPC2"} {
		for _, method := range []string{"wp.getUsersBlogs", "dokuwiki.login"} {
			call := "<?xml version=\"1.0\"?><methodCall><methodName>" + method + "</methodName><params><param><value><string>" + escape.Replace(c.User) +
				"</string></value></param><param><value><string>" + escape.Replace(c.Password) + "</string></value></param></params></methodCall>"
			pages = append(pages, r.once(b, http.MethodPost, r.at(path), http.Header{"Content-Type": {"text/xml"}}, call))
		}
	}
	return pages
}

// refusedCall is the answer of a sign-in that only says no.
var refusedCall = regexp.MustCompile(`<params>\s*<param>\s*<value>\s*<boolean>0</boolean>`)

func xmlRPCOpen(p *browse.Page) bool {
	text := p.Text()
	return p.Status == http.StatusOK && strings.Contains(text, "<methodResponse") && !strings.Contains(text, "<fault") && !refusedCall.MatchString(text)
}

func jsonRPC(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	for _, path := range []string{"/lib/exe/jsonrpc.php", "/jsonrpc.php", "/jsonrpc", "/api/jsonrpc"} {
		for _, method := range []string{"core.login", "login"} {
			call, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": []string{c.User, c.Password}})
			if err == nil {
				pages = append(pages, r.once(b, http.MethodPost, r.at(path), http.Header{"Content-Type": {"application/json"}}, string(call)))
			}
		}
	}
	return pages
}

func jsonRPCOpen(p *browse.Page) bool {
	var got struct{ Result, Error any }
	if p.Status != http.StatusOK || json.Unmarshal(p.Body, &got) != nil || got.Error != nil {
		return false
	}
	return got.Result != nil && got.Result != false && got.Result != ""
}

// jsonSignIn is the sign-in of apps and scripts.
func jsonSignIn(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	body := map[string]string{"username": c.User, "login": c.User, "email": c.User, "password": c.Password}
	body[c.entry.User], body[c.entry.Password] = c.User, c.Password
	call, err := json.Marshal(body)
	if err != nil {
		return nil
	}
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

// tokenGiven says whether JSON holds what looks like the key to a session.
func tokenGiven(p *browse.Page) bool {
	var got map[string]any
	if p.Status >= 300 || json.Unmarshal(p.Body, &got) != nil {
		return false
	}
	for name, v := range got {
		if s, ok := v.(string); ok && len(s) >= 8 && tokenName.MatchString(name) {
			return true
		}
	}
	return false
}

// sessionInAddress writes a live session's id where Java and PHP portals look for one.
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
			pages = append(pages, r.once(b, http.MethodGet, path.String(), browse.Navigation(), ""), r.once(b, http.MethodGet, query.String(), browse.Navigation(), ""))
		}
	}
	return pages
}

// rawCookies brings a live session of the portal that did not come through the gate.
func rawCookies(r *run, b *browse.Browser, c *customer) (pages []*browse.Page) {
	for _, k := range c.direct.Cookies() {
		b.Put(k)
	}
	for _, address := range append(r.memberPages(c), r.exempt()...) {
		pages = append(pages, r.once(b, http.MethodGet, address, browse.Navigation(), ""))
	}
	return pages
}
