package caddyworld

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
)

// Portal is what kind of portal it is. Its users are victim, mallory, mallet and staff;
// the password of each is "pw-" and the name. Mallory has no second factor, mallet has.
type Portal struct {
	// Name keeps the secrets of two portals apart.
	Name string
	// Query is which of several parameters of one name counts: "last" (PHP, the
	// default), "first" (servlets) or "comma" (ASP joins them).
	Query string
	// Paths is how a path is read besides being cleaned: "params" cuts `;x` off segments,
	// "info" cuts what follows a script, "lower" ignores case.
	Paths string
	// LastHeader: of several header lines the last counts.
	LastHeader bool
	// Header names the user, as proxies set it; "" for none.
	Header string
	// Basic and Tokens: the portal accepts Authorization: Basic, and bearer tokens of its GraphQL.
	Basic, Tokens bool
	// Anywhere: user and password sign in at every page.
	Anywhere bool
	// Door is the path of a side door that takes the password in the body and answers at
	// once: /rpc, or a front controller's.
	Door string
	// Closed: the portal itself has no sign-in; the user comes from Header only.
	Closed bool
	// Eager: strangers get a session, too. Switch: staff can sign in as another user.
	Eager, Switch bool
}

// portal is a running one.
type portal struct {
	Portal

	mu       sync.Mutex
	sessions map[string]string
	tokens   map[string]string
	actor    string
	changed  []change
}

// change records a write on the portal: who sent the request, and as which user it ran.
type change struct{ actor, user string }

func newPortal(kind Portal) *portal {
	return &portal{Portal: kind, sessions: map[string]string{}, tokens: map[string]string{}}
}

// secret is what only the user may see.
func (p *portal) secret(user string) string { return "SECRET-" + p.Name + "-" + user + "." }

// fenced is what strangers see where `guest` should have shut.
const fenced = "FENCED"

func password(user string) string { return "pw-" + user }

// visit is one request, as the portal reads it.
type visit struct {
	*portal
	w    http.ResponseWriter
	r    *http.Request
	path string // as it is read
	page string
	body []byte
	form url.Values
	sid  string
	user string
	// before is the session's user before this request signed another one in by password.
	before string
}

func (p *portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := &visit{portal: p, w: w, r: r}
	v.body, _ = io.ReadAll(io.LimitReader(r.Body, 1<<16))
	v.form = v.readForm()
	v.page = v.readPage()
	v.recognise()
	v.before = v.user
	if p.Anywhere && v.page != "account" && v.passwordFits() {
		v.signIn(v.form.Get("user"))
	}
	v.answer()
}

// one is which of several values counts.
func (v *visit) one(values []string) string {
	switch {
	case len(values) == 0:
		return ""
	case v.Query == "first":
		return values[0]
	case v.Query == "comma":
		return strings.Join(values, ",")
	}
	return values[len(values)-1]
}

// readForm takes the query, then the body over it.
func (v *visit) readForm() url.Values {
	form := url.Values{}
	add := func(values url.Values) {
		for name, list := range values {
			form.Set(name, v.one(list))
		}
	}
	query, _ := url.ParseQuery(strings.ReplaceAll(v.r.URL.RawQuery, ";", "&"))
	add(query)
	form["route"] = []string{v.one(query["route"])} // never from the body
	kind := v.r.Header.Get("Content-Type")
	switch {
	case strings.Contains(kind, "json"):
		var in map[string]any
		_ = json.Unmarshal(v.body, &in)
		for name, value := range in {
			if s, ok := value.(string); ok && name != "route" {
				form.Set(name, s)
			}
		}
	case strings.Contains(kind, "form"):
		body, _ := url.ParseQuery(string(v.body))
		delete(body, "route")
		add(body)
	}
	return form
}

var scriptInfo = regexp.MustCompile(`^(.*\.php)/.*$`)

// readPage finds the page that the address names.
func (v *visit) readPage() string {
	p := v.r.URL.Path
	if v.Paths == "params" {
		p = regexp.MustCompile(`;[^/]*`).ReplaceAllString(p, "")
	}
	if p = path.Clean("/" + p); v.Paths == "info" {
		p = scriptInfo.ReplaceAllString(p, "$1")
	}
	if v.Paths == "lower" {
		p = strings.ToLower(p)
	}
	v.path = p
	switch p {
	case "/", "/data":
		return "data"
	case "/login", "/api/login":
		return "login"
	case "/account", "/open", "/graphql", "/transfer", "/switch", "/verify", "/error":
		return p[1:]
	case "/hooks/pay":
		return "hook"
	case "/rpc":
		return "door"
	case "/in":
		return v.named(v.oneHeader("X-Kind"))
	case "/index.php":
		return v.named(v.form.Get("route"))
	}
	if strings.HasPrefix(p, "/hooks/") {
		return "hook" // an operator may trust /hooks/*, because no page below it reads a user
	}
	if strings.HasPrefix(p, "/static/") || strings.HasPrefix(p, "/pub/") {
		return "asset"
	}
	return "none"
}

// named is the page of a front controller.
func (v *visit) named(name string) string {
	switch name {
	case "login", "transfer", "open", "account":
		return name
	case "pay/callback":
		return "hook"
	case "rpc":
		return "door"
	}
	return "data"
}

func (v *visit) oneHeader(name string) string {
	values := v.r.Header.Values(name)
	if len(values) > 0 && v.LastHeader {
		return values[len(values)-1]
	}
	return v.r.Header.Get(name)
}

// recognise finds out who the request is from.
func (v *visit) recognise() {
	c, _ := v.r.Cookie("SID")
	name, pw, _ := v.r.BasicAuth()
	token, _ := strings.CutPrefix(v.r.Header.Get("Authorization"), "Bearer ")
	v.mu.Lock()
	defer v.mu.Unlock()
	if c != nil {
		if user, ok := v.sessions[c.Value]; ok {
			v.sid, v.user = c.Value, user
		}
	}
	if v.Tokens && v.tokens[token] != "" {
		v.user = v.tokens[token]
	}
	if v.Basic && isUser(name) && pw == password(name) {
		v.user = name
	}
	if v.Header != "" {
		if name := strings.TrimPrefix(strings.TrimPrefix(v.oneHeader(v.Header), "CN="), "key-"); isUser(name) {
			v.user = name
		}
	}
}

func isUser(name string) bool {
	return name == "victim" || name == "mallory" || name == "mallet" || name == "staff"
}

func (v *visit) passwordFits() bool {
	user := v.form.Get("user")
	return !v.Closed && isUser(user) && v.form.Get("password") == password(user)
}

// signIn makes a new session, or with "" one of a stranger.
func (v *visit) signIn(user string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.sessions, v.sid)
	v.sid, v.user = rand.Text(), user
	v.sessions[v.sid] = user
	v.w.Header().Set("Set-Cookie", "SID="+v.sid+"; Path=/; HttpOnly")
}

func (v *visit) answer() {
	switch v.page {
	case "account":
		v.account()
	case "login":
		v.login()
	case "graphql":
		v.graphQL()
	case "verify":
		v.verify()
	case "hook":
		fmt.Fprint(v.w, "thank you") // a machine-to-machine endpoint without a user
	case "door":
		v.door()
	case "transfer":
		v.transfer()
	case "switch":
		if v.Switch && !v.Closed && v.user == "staff" && isUser(v.form.Get("user")) {
			v.signIn(v.form.Get("user"))
		}
		v.greet(http.StatusOK, "text/html")
	case "asset":
		v.greet(http.StatusOK, "text/css")
	case "none":
		v.greet(http.StatusNotFound, "text/html")
	default:
		v.greet(http.StatusOK, "text/html")
	}
}

// greet renders a page with the signed-in user.
func (v *visit) greet(status int, kind string) {
	if v.user == "" && v.sid == "" && v.Eager && v.page != "asset" {
		v.signIn("")
	}
	v.w.Header().Set("Content-Type", kind)
	v.w.WriteHeader(status)
	switch open := v.page == "open" || v.page == "login" || v.page == "asset" || v.page == "error"; {
	case v.user != "":
		fmt.Fprint(v.w, "hello "+v.secret(v.user))
	case open:
		fmt.Fprint(v.w, "hello stranger")
	default:
		fmt.Fprint(v.w, "hello stranger "+fenced)
	}
}

func (v *visit) account() {
	v.w.Header().Set("Content-Type", "application/json")
	if v.user == "" {
		v.w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(v.w, `{"error":"sign in"}`)
		return
	}
	_ = json.NewEncoder(v.w).Encode(map[string]string{"user": v.user, "about": v.secret(v.user)})
}

func (v *visit) login() {
	if v.r.Method == http.MethodPost && v.passwordFits() {
		v.signIn(v.form.Get("user"))
	}
	if v.user != "" {
		v.w.Header().Set("Location", "/data")
		v.greet(http.StatusFound, "text/html")
		return
	}
	v.greet(http.StatusOK, "text/html")
}

// verify is the authentication service that forward_auth asks.
func (v *visit) verify() {
	name, pw, _ := v.r.BasicAuth()
	if !isUser(name) || pw != password(name) {
		v.w.Header().Set("WWW-Authenticate", "Basic")
		v.w.WriteHeader(http.StatusUnauthorized)
		return
	}
	v.w.Header().Set("X-Account", name)
}

func (v *visit) door() {
	user := v.form.Get("user")
	if v.Door == v.path && v.r.Method == http.MethodPost && isUser(user) && v.form.Get("password") == password(user) {
		fmt.Fprint(v.w, v.secret(user))
		return
	}
	v.w.WriteHeader(http.StatusForbidden)
}

func (v *visit) transfer() {
	// Known limit: a request that signs in and changes something at once leaves the gateway no
	// time for a question.
	if v.r.Method == http.MethodPost && v.before != "" {
		v.mu.Lock()
		v.changed = append(v.changed, change{v.actor, v.before})
		v.mu.Unlock()
	}
	v.greet(http.StatusOK, "text/html")
}

var field = regexp.MustCompile(`(?:(\w+)\s*:\s*)?(login|me)\b(?:\(user:"(\w+)",password:"([\w-]+)"\))?`)

// graphQL executes `login(user:"…",password:"…"){token}` and `me{secret}`, with aliases.
func (v *visit) graphQL() {
	data := map[string]any{}
	for _, m := range field.FindAllStringSubmatch(v.form.Get("query"), -1) {
		name := m[2]
		if m[1] != "" {
			name = m[1]
		}
		switch {
		case m[2] == "login" && isUser(m[3]) && m[4] == password(m[3]) && v.Tokens:
			token := v.secret(m[3]) + rand.Text()
			v.mu.Lock()
			v.tokens[token] = m[3]
			v.mu.Unlock()
			data[name] = map[string]string{"token": token}
		case m[2] == "me" && v.user != "":
			data[name] = map[string]string{"secret": v.secret(v.user)}
		default:
			data[name] = nil
		}
	}
	v.w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(v.w).Encode(map[string]any{"data": data})
}
