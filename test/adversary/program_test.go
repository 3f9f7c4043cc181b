package adversary

import (
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Program is what happens in a run, in order.
type Program []Action

// Action is one step. The zero value of each field is the usual case, so that a printed action
// shows only what is unusual.
type Action struct {
	// Do is one of:
	//   "get", "head", "post"  ask for Page
	//   "sign in", "sign out"  at the portal, as As
	//   "another way"          sign in as As in the world's other way
	//   "code"                 at the own page Page, or the challenge, give a right code of As, who is the attacker's; of the victim a wrong one
	//   "set factor"           open the set-up and confirm the authenticator that it shows
	//   "again"                give the code that was given last
	//   "change"               send the form that changes something
	//   "several"              sign in as As, and in the same request as With
	//   "tunnel", "frame"      open a tunnel; sign in as As inside of the newest one
	//   "order"                send something through the newest tunnel that changes something
	//   "keep"                 put the jar's cookies aside
	//   "go on"                let the request Of go on, to the stop Hold or to its end
	//   "drop", "half-close"   the client of the request Of leaves
	//   "wait"                 let time pass: For
	//   "owner"                the owner's next step, with the mishap Extra; see owner.submit
	//   "late", "arrive"       a background request of the owner's browser; all of them go on
	//   "elsewhere"            another site's page has the owner's browser send something
	//   "trouble"              happens to the next Of+1 questions; see trouble
	//   "set up"               the owner gets a second factor, where the world leaves it to this
	//   "end sessions"         staff end all sessions of As, who is the attacker's
	//   "restart", "reload"    the gateway's process is killed and started anew; its configuration
	//                          is loaded again
	Do string
	// Page is a page's name; "" is the front page. "own /setup" is a page of the gateway's.
	Page string
	As   string
	// With is the second user of "several"; "" signs out.
	With string
	// Jar is which of the attacker's browsers acts.
	Jar int
	// Spell is how the path is written.
	Spell string
	// Kind is what kind of request it is: "" a page's, "script", "events" or "bare".
	Kind string
	// Pin is the value of the header that the world binds sessions to: "" the usual one,
	// "other" or "none".
	Pin string
	// Cookies is which cookies are sent: "" all, "none", "old" those of before the last
	// change, "first", those of the first change; "without 0" all but one; "beside" those of
	// the next jar, too; "kept" those that were put aside; "visit" none of the portal's.
	Cookies string
	// ID is where a session id of the attacker's choice is sent: "query", "path", "cookie",
	// or a body of the type "body", "json", "multipart", "text", "text json" or "untyped".
	ID string
	// Extra is a header that portals take for a sign-in or a method, "basic" or "override";
	// "upgrade": the offer of a tunnel, which a page ignores; "client": a header that browsers
	// do not send; "http2". Of "several" it is the form: "batch", "described" or "address".
	Extra string
	// Hold is where the request stops.
	Hold string
	// Of is a request that runs, counted from the newest.
	Of int
	// Async continues with the program before any time passes.
	Async bool
	For   time.Duration
}

// spellings are ways to write a path that some server reads as the same page.
var spellings = map[string]func(base, page string) string{
	"":         func(base, page string) string { return base + "/" + page },
	"root":     func(_, page string) string { return "/" + page },
	"app":      func(_, page string) string { return "/app/" + page },
	"inner":    func(_, page string) string { return "/app/inner/" + page },
	"dot":      func(base, page string) string { return "/." + base + "/" + page },
	"slashes":  func(base, page string) string { return "/" + base + "/" + page },
	"slash":    func(base, page string) string { return base + "/" + page + "/" },
	"info":     func(base, page string) string { return base + "/" + page + "/x/y" },
	"info up":  func(base, page string) string { return base + "/login/x/../../" + page },
	"out up":   func(base, page string) string { return base + "/logout/../" + page },
	"upper":    func(base, page string) string { return strings.ToUpper(base + "/" + page) },
	"APP":      func(_, page string) string { return "/APP/" + page },
	"encoded":  func(base, page string) string { return base + "/%" + hex(page) },
	"asset":    func(base, page string) string { return base + "/" + page + "/x.css" },
	"encoded/": func(base, page string) string { return base + "/x/%2e%2e/" + page },
	"param":    func(base, page string) string { return base + "/" + page + ";v=1" },
}

// hex is a page's name with its first letter percent-encoded, without the first sign.
func hex(page string) string {
	if page == "" {
		return "2e"
	}
	const digits = "0123456789abcdef"
	return string([]byte{digits[page[0]>>4], digits[page[0]&15]}) + page[1:]
}

// message is what an action sends, without cookies.
func (a Action) message(w World, j *jar) message {
	m := message{method: http.MethodGet, header: headers(a.Kind), hold: a.Hold}
	form, query := url.Values{}, url.Values{}
	page := a.Page
	if own, ok := strings.CutPrefix(page, "own "); ok {
		m.target = ownPath + own
	}
	switch a.Do {
	case "head":
		m.method = http.MethodHead
	case "post":
		m.method = http.MethodPost
		form.Set("any", "thing")
	case "sign in":
		m.method, page = http.MethodPost, "login"
		form = url.Values{"user": {a.As}, "pass": {"pw-" + a.As}, "token": {j.token}}
	case "another way":
		page, query, form = a.anotherWay(w, j)
		if len(form) > 0 {
			m.method = http.MethodPost
		}
	case "sign out":
		page = "logout"
	case "several":
		page = "graphql"
	case "change":
		m.method, page = http.MethodPost, "change"
		form = url.Values{"note": {"attack"}, "token": {j.token}}
	case "tunnel":
		page = "ws"
		m.header.Set("Connection", "Upgrade")
		m.header.Set("Upgrade", "websocket")
	}
	if m.target == "" {
		m.target = spellings[a.Spell](w.Base, page)
	}
	a.chooseID(w, &m, form, query)
	a.encode(w, &m, form)
	if page == "graphql" {
		a.operations(&m, query)
	}
	if len(query) > 0 {
		m.target += "?" + query.Encode()
	}
	a.pin(w, &m)
	switch a.Extra {
	case "basic":
		m.header.Set("Authorization", "Basic "+victim)
	case "upgrade":
		m.header.Set("Connection", "Upgrade")
		m.header.Set("Upgrade", "websocket")
	case "client":
		m.header.Set("X-Client", "web")
	case "http2":
		m.http2 = true
	}
	return m
}

func (a Action) anotherWay(w World, j *jar) (page string, query, form url.Values) {
	switch w.SignIn {
	case "query":
		return "login", url.Values{"user": {a.As}, "pass": {"pw-" + a.As}}, url.Values{}
	case "link":
		return "magic", url.Values{"t": {a.As}}, url.Values{}
	case "switch":
		return "switch", url.Values{"to": {a.As}}, url.Values{}
	case "graphql":
		return "graphql", url.Values{}, url.Values{}
	}
	return "login", url.Values{}, url.Values{"user": {a.As}, "pass": {"pw-" + a.As}, "token": {j.token}}
}

// chosen is a session id that the attacker makes up.
const chosen = "chosen-1"

func (a Action) chooseID(w World, m *message, form, query url.Values) {
	switch a.ID {
	case "query":
		query.Set(w.Name, chosen)
	case "path":
		m.target += ";jsessionid=" + chosen
	case "body", "json", "multipart", "text", "text json", "untyped":
		m.method = http.MethodPost
		form.Set(w.Name, chosen)
	}
}

// encode writes a form in the encoding of the world's sign-in or of the action.
func (a Action) encode(w World, m *message, form url.Values) {
	switch {
	case len(form) == 0:
	case a.Extra == "override":
		m.method = http.MethodGet
		m.header.Set("X-Http-Method-Override", "POST")
		m.target += "?" + form.Encode()
		return
	case a.ID == "multipart":
		var b strings.Builder
		parts := multipart.NewWriter(&b)
		_ = parts.SetBoundary("boundary-of-the-attacker")
		for _, name := range slices.Sorted(maps.Keys(form)) {
			_ = parts.WriteField(name, form.Get(name))
		}
		parts.Close()
		m.body = b.String()
		m.header.Set("Content-Type", parts.FormDataContentType())
	case a.ID == "json" || a.ID == "text json" || a.Do == "another way" && w.SignIn == "json":
		var fields []string
		for _, name := range slices.Sorted(maps.Keys(form)) {
			fields = append(fields, `"`+name+`":"`+form.Get(name)+`"`)
		}
		m.body = "{" + strings.Join(fields, ",") + "}"
		m.header.Set("Content-Type", "application/json")
	default:
		m.body = form.Encode()
		m.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	switch a.ID {
	case "text", "text json":
		m.header.Set("Content-Type", "text/plain")
	case "untyped":
		m.header.Del("Content-Type")
	}
	if m.method == http.MethodPost {
		m.header.Set("Origin", origin)
	}
}

func (a Action) pin(w World, m *message) {
	for _, p := range pinned {
		if p.name != w.Pin {
			continue
		}
		value := p.usual
		switch a.Pin {
		case "other":
			value = p.other
		case "none":
			value = ""
		}
		setPin(m.header, p.name, value)
	}
}

func setPin(h http.Header, name, value string) {
	switch {
	case value == "" && name != "theme":
		h.Del(name)
	case name != "theme":
		h.Set(name, value)
	case value != "":
		h.Set("Cookie", "theme="+value) // the jar's cookies are added to it
	}
}

// headers are what a browser sends with a kind of request.
func headers(kind string) http.Header {
	h := http.Header{
		"User-Agent": {"Mozilla/5.0 Firefox/140.0"}, "Accept": {"text/html"}, "Accept-Language": {"en"}, "Accept-Encoding": {"gzip, deflate, br"},
		"Sec-Fetch-Site": {"same-origin"}, "Sec-Fetch-Mode": {"navigate"}, "Sec-Fetch-Dest": {"document"},
	}
	switch kind {
	case "script":
		h.Set("Accept", "*/*")
		h.Set("Sec-Fetch-Mode", "cors")
		h.Set("Sec-Fetch-Dest", "empty")
	case "events":
		h.Set("Accept", "text/event-stream")
		h.Set("Sec-Fetch-Mode", "cors")
		h.Set("Sec-Fetch-Dest", "empty")
	case "bare":
		h = http.Header{}
	}
	return h
}
