package portalkinds

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// account is one customer of every portal here.
type account struct {
	ID                   int64
	Name, Display, Email string
}

// accounts have numbers that are equal when they are read as floating-point numbers.
var accounts = []account{
	{ID: 1<<53 + 1, Name: "alice", Display: "Al", Email: "alice@example.test"},
	{ID: 1 << 53, Name: "bob", Display: "Al", Email: "bob@example.test"},
}

// secret is what only the customer may see.
func (a *account) secret() string { return "SECRET of " + a.Name }

// accountOf accepts the name or the email address, in any case. The password is "pw-" and the
// name.
func accountOf(login, password string) *account {
	login = strings.ToLower(strings.TrimSpace(login))
	for i := range accounts {
		if a := &accounts[i]; (login == a.Name || login == a.Email) && password == "pw-"+a.Name {
			return a
		}
	}
	return nil
}

// session is what a portal remembers of a browser, wherever it keeps it.
type session struct {
	ID      string `json:"-"`
	Account *account
	// Form is what forms must bring along, Next where a stranger wanted to go.
	Form, Next string
	// Print is what the session is pinned to, Padding what makes it large.
	Print, Padding string
	// fresh requests a new session id, ended the end of the session.
	fresh, ended bool
}

func newSession() *session { return &session{ID: rand.Text(), Form: rand.Text()} }

// keeper keeps sessions. open returns one, never nil; end writes its result into Set-Cookie.
type keeper interface {
	open(p *portal, r *http.Request) *session
	end(p *portal, r *http.Request, s *session) (setCookie []string)
}

// call is a request with its session.
type call struct {
	p *portal
	r *http.Request
	s *session
}

// reply is what a view answers.
type reply struct {
	status             int
	kind, body, target string
	header             http.Header
}

const html5 = "text/html; charset=utf-8"

func page(body string) reply {
	return reply{status: http.StatusOK, kind: html5, body: body}
}

func found(target string) reply { return reply{status: http.StatusFound, target: target} }

// portal is what all kinds have in common: a page for everybody, a sign-in form, a page
// of one's own with a form that changes something, and whoami.
type portal struct {
	keeper
	// base is the prefix of every path: "", or "/app".
	base string
	// views are what this kind adds or does otherwise, by method and path below base.
	views map[string]func(*call) reply
	// link writes addresses into pages and redirects; default: base and path.
	link func(c *call, path string) string
	// beside is another application below its own base, with its own sessions.
	beside *portal
	// finish changes every response before it is sent.
	finish func(r *http.Request, out *reply) []byte

	mu     sync.Mutex
	broken []string
	notes  []string
	sent   int
}

// breaks notes that a session was lost by what the portal was sent.
func (p *portal) breaks(why string, r *http.Request) {
	p.broken = append(p.broken, why+" by "+r.Method+" "+r.URL.Path)
}

// lost are the sessions that broke, and posted how many forms arrived.
func (p *portal) lost() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.broken)
}

func (p *portal) posted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent
}

func (p *portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.beside != nil && strings.HasPrefix(r.URL.Path, p.beside.base+"/") {
		p.beside.ServeHTTP(w, r)
		return
	}
	out, cookies := p.answer(r)
	for name, values := range out.header {
		w.Header()[name] = values
	}
	w.Header()["Set-Cookie"] = append(w.Header()["Set-Cookie"], cookies...)
	if out.target != "" {
		w.Header().Set("Location", out.target)
	}
	if out.kind != "" {
		w.Header().Set("Content-Type", out.kind)
	}
	body := []byte(out.body)
	if p.finish != nil {
		out.header = w.Header()
		body = p.finish(r, &out)
	}
	w.WriteHeader(out.status)
	_, _ = w.Write(body)
}

// answer runs one request at a time, as the sessions of many portals are locked.
func (p *portal) answer(r *http.Request) (reply, []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Method == http.MethodPost {
		p.sent++
	}
	c := &call{p: p, r: r, s: p.open(p, r)}
	out := c.route()
	if shown := out.kind == html5 && !strings.HasSuffix(r.URL.Path, "/me"); shown {
		out.body = `<link rel="stylesheet" href="` + c.to("/style.css") + `">` + out.body
	}
	if a := c.s.Account; a != nil {
		if out.header == nil {
			out.header = http.Header{}
		}
		out.header.Set("X-Secret", a.secret()) // no byte of a signed-in response may leave
	}
	return out, p.end(p, r, c.s)
}

func (c *call) route() reply {
	path, ok := strings.CutPrefix(c.r.URL.Path, c.p.base)
	if !ok {
		return reply{status: http.StatusNotFound}
	}
	name := c.r.Method + " " + path
	if view := c.p.views[name]; view != nil {
		return view(c)
	}
	if view := views[name]; view != nil {
		return view(c)
	}
	return reply{status: http.StatusNotFound, body: "no such page"}
}

// to is the address of one of the portal's pages.
func (c *call) to(path string) string {
	if c.p.link != nil {
		return c.p.link(c, path)
	}
	return c.p.base + path
}

// views are the pages that every portal has unless its kind replaces them.
var views = map[string]func(*call) reply{
	"GET /": (*call).home, "GET /login": (*call).form, "POST /login": (*call).signIn, "GET /account": (*call).account,
	"GET /style.css": func(*call) reply { return reply{status: http.StatusOK, kind: "text/css", body: "p { margin: 0 }"} },
	"POST /notes":    (*call).note, "GET /logout": (*call).signOut, "GET /me": (*call).me,
}

func (c *call) home() reply {
	if a := c.s.Account; a != nil {
		return page("<p>Hello " + html.EscapeString(a.Display) + "</p><p>" + a.secret() + "</p>")
	}
	return page(`<p>Welcome, stranger</p><a href="` + c.to("/login") + `">Sign in</a>`)
}

func (c *call) form() reply { return page(c.formBody("")) }

func (c *call) formBody(message string) string {
	return fmt.Sprintf(`<p class="error">%s</p><form class="login" method="post" action="%s">
<input type="hidden" name="token" value="%s"><input name="login"><input name="password" type="password"></form>`,
		message, c.to("/login"), c.s.Form)
}

// signIn requires the token of the form that it was shown, as most portals do.
func (c *call) signIn() reply {
	if c.r.FormValue("token") != c.s.Form {
		c.p.breaks("a form of another session", c.r)
		return page(c.formBody("This form is out of date."))
	}
	a := accountOf(c.r.FormValue("login"), c.r.FormValue("password"))
	if a == nil {
		return page(c.formBody("Wrong name or password."))
	}
	c.signInAs(a)
	next := c.s.Next
	if c.s.Next = ""; next == "" {
		next = "/account"
	}
	return found(c.to(next))
}

func (c *call) signInAs(a *account) {
	c.s.Account, c.s.Form, c.s.fresh = a, rand.Text(), true
}

// account sends strangers to the form and remembers where they were.
func (c *call) account() reply {
	a := c.s.Account
	if a == nil {
		c.s.Next = "/account"
		return found(c.to("/login"))
	}
	var notes strings.Builder
	for _, n := range c.p.notes {
		if text, mine := strings.CutPrefix(n, a.Name+": "); mine {
			notes.WriteString("<li>" + html.EscapeString(text))
		}
	}
	return page(fmt.Sprintf(`<p>%s</p><ul>%s</ul><form class="note" method="post" action="%s">
<input type="hidden" name="token" value="%s"><input name="text"></form>`,
		a.secret(), notes.String(), c.to("/notes"), c.s.Form))
}

func (c *call) note() reply {
	if c.s.Account == nil || c.r.FormValue("token") != c.s.Form {
		return reply{status: http.StatusForbidden, body: "sign in first"}
	}
	c.p.notes = append(c.p.notes, c.s.Account.Name+": "+c.r.FormValue("text"))
	return found(c.to("/account"))
}

func (c *call) signOut() reply {
	c.s.ended = true
	c.s.Account = nil
	return found(c.to("/"))
}

func (c *call) me() reply {
	if c.s.Account == nil {
		return reply{status: http.StatusUnauthorized, kind: "application/json", body: `{"error":"sign in"}`}
	}
	return encode(map[string]any{"user": map[string]any{"name": c.s.Account.Name, "shown": c.s.Account.Display}})
}

func encode(v any) reply {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return reply{status: http.StatusOK, kind: "application/json", body: string(body)}
}

func decode(r *http.Request, to any) error { return json.NewDecoder(r.Body).Decode(to) }

// server keeps sessions in the portal's memory, by the id in a cookie.
type server struct {
	// cookie is the id's name, attributes what follows it in Set-Cookie.
	cookie, attributes string
	sessions           map[string]*session
}

func serverSide() *server {
	return &server{cookie: "PHPSESSID", attributes: "; Path=/; HttpOnly", sessions: map[string]*session{}}
}

func (k *server) open(_ *portal, r *http.Request) *session {
	if c, err := r.Cookie(k.cookie); err == nil && k.sessions[c.Value] != nil {
		return k.sessions[c.Value]
	}
	return newSession()
}

func (k *server) end(_ *portal, _ *http.Request, s *session) []string {
	known := k.sessions[s.ID] != nil
	if s.fresh || s.ended {
		delete(k.sessions, s.ID)
	}
	if s.ended {
		return []string{k.cookie + "=deleted; Max-Age=0" + k.attributes}
	}
	if s.fresh {
		s.ID, s.fresh, known = rand.Text(), false, false
	}
	k.sessions[s.ID] = s
	if known {
		return nil
	}
	return []string{k.cookie + "=" + s.ID + k.attributes}
}
