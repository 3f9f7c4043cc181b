package harness

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Legacy is a small model of a typical portal. Each habit that makes portals hard to guard is a
// switch. Users are alice, bob and carol; the password of each is "pw-" and the name. Fields may
// be set before the first request.
type Legacy struct {
	// Rotate makes a new session id at every sign-in; KeepOld leaves the old one signed
	// in as well (as PHP's session_regenerate_id without deleting).
	Rotate, KeepOld bool
	// Lock serialises the requests of a session, as PHP does.
	Lock bool
	// Lazy makes no session for strangers until they sign in.
	Lazy bool
	// Scoped sets a second cookie for /admin at the sign-in. Without it /me reports no user, while
	// / still shows the user (as in WordPress).
	Scoped bool
	// CookieAttributes follow every Set-Cookie of the session. Default: "; Path=/".
	CookieAttributes string
	// Email is the user's email address in /me; nil leaves it out.
	Email func(user string) string
	// Before runs first on every request; true means that it answered.
	Before func(l *Legacy, w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	sessions map[string]*legacySession
	admins   map[string]string
	requests []*http.Request
	asked    int
}

type legacySession struct {
	user string
	lock sync.Mutex
}

// Requests are the requests that arrived, without whoami's.
func (l *Legacy) Requests() []*http.Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.requests)
}

// Last is the last request that arrived for the path, or nil.
func (l *Legacy) Last(path string) *http.Request {
	for _, r := range slices.Backward(l.Requests()) {
		if r.URL.Path == path {
			return r
		}
	}
	return nil
}

// Asked is how often whoami was asked.
func (l *Legacy) Asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.asked
}

// SignInRaw makes a signed-in session directly at the portal and returns its id.
func (l *Legacy) SignInRaw(user string) string { return l.put(&legacySession{user: user}) }

// put keeps a session under a new id, and returns that.
func (l *Legacy) put(s *legacySession) (id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sessions == nil {
		l.sessions, l.admins = make(map[string]*legacySession), make(map[string]string)
	}
	id = rand.Text()
	l.sessions[id] = s
	return id
}

// ServeHTTP answers: / and /account (HTML with the user's secret), /me (whoami: JSON {"user":…},
// or 401), /login (form by POST, also in the query by GET), /logout, /api/login (JSON in, token
// out), /switch?user= (signs in as another user in the same session), /admin (requires the scoped
// cookie), /rotate (a new id), /slow?ms=.
func (l *Legacy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.Before != nil && l.Before(l, w, r) {
		return
	}
	id, s := l.session(r)
	l.mu.Lock()
	if r.URL.Path == "/me" {
		l.asked++
	} else {
		l.requests = append(l.requests, r.Clone(r.Context()))
	}
	l.mu.Unlock()
	if s != nil && l.Lock {
		s.lock.Lock()
		defer s.lock.Unlock()
	}
	l.route(w, r, id, s)
}

func (l *Legacy) route(w http.ResponseWriter, r *http.Request, id string, s *legacySession) {
	switch r.URL.Path {
	case "/me":
		l.me(w, r, s)
	case "/login", "/api/login":
		l.login(w, r, id, s)
	case "/switch":
		if s != nil {
			l.set(s, r.FormValue("user"))
		}
		l.show(w, s)
	case "/logout":
		if s != nil {
			l.set(s, "")
		}
		http.Redirect(w, r, "/", http.StatusFound)
	case "/rotate":
		if s != nil {
			l.cookie(w, l.rotate(id, s))
		}
		l.show(w, s)
	case "/slow":
		d, _ := time.ParseDuration(r.FormValue("ms") + "ms")
		time.Sleep(d)
		l.show(w, s)
	default:
		if s == nil && !l.Lazy {
			s = &legacySession{}
			l.cookie(w, l.put(s))
		}
		l.show(w, s)
	}
}

// SecretOf is what only the user may see.
func SecretOf(user string) string { return "secret of " + user }

func (l *Legacy) show(w http.ResponseWriter, s *legacySession) {
	user := l.user(s)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if user == "" {
		fmt.Fprint(w, "<p>Hello stranger</p>")
		return
	}
	w.Header().Set("X-Portal-User", user)
	fmt.Fprintf(w, "<p>Hello %s</p><p>%s</p>", html.EscapeString(user), html.EscapeString(SecretOf(user)))
}

func (l *Legacy) me(w http.ResponseWriter, r *http.Request, s *legacySession) {
	user := l.user(s)
	if l.Scoped {
		c, err := r.Cookie("admin")
		l.mu.Lock()
		if err != nil || l.admins[c.Value] != user {
			user = ""
		}
		l.mu.Unlock()
	}
	w.Header().Set("Content-Type", "application/json")
	if user == "" {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"sign in"}`)
		return
	}
	about := map[string]string{"user": user, "name": strings.ToUpper(user)}
	if l.Email != nil {
		about["email"] = l.Email(user)
	}
	_ = json.NewEncoder(w).Encode(about)
}

func (l *Legacy) login(w http.ResponseWriter, r *http.Request, id string, s *legacySession) {
	user, password := r.FormValue("user"), r.FormValue("password")
	if strings.Contains(r.Header.Get("Content-Type"), "json") {
		var in struct{ User, Password string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		user, password = in.User, in.Password
	}
	user = strings.ToLower(strings.TrimSpace(strings.TrimSuffix(user, "@example.test")))
	if user == "" || password != "pw-"+user {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "wrong password")
		return
	}
	if s == nil {
		s = &legacySession{}
		l.cookie(w, l.put(s))
	} else if l.Rotate {
		l.cookie(w, l.rotate(id, s))
	}
	l.set(s, user)
	if l.Scoped {
		admin := rand.Text()
		l.mu.Lock()
		l.admins[admin] = user
		l.mu.Unlock()
		w.Header().Add("Set-Cookie", "admin="+admin+"; Path=/me")
	}
	if r.URL.Path == "/api/login" {
		fmt.Fprintf(w, `{"token":"%s"}`, SecretOf(user))
		return
	}
	w.Header().Set("X-Portal-User", user)
	http.Redirect(w, r, "/account", http.StatusFound)
}

func (l *Legacy) session(r *http.Request) (string, *legacySession) {
	c, err := r.Cookie("PHPSESSID")
	if err != nil {
		return "", nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return c.Value, l.sessions[c.Value]
}

// rotate moves a session to a new id. With KeepOld the old id stays valid.
func (l *Legacy) rotate(id string, s *legacySession) string {
	fresh := l.put(s)
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.KeepOld {
		delete(l.sessions, id)
	}
	return fresh
}

func (l *Legacy) cookie(w http.ResponseWriter, id string) {
	w.Header().Add("Set-Cookie", "PHPSESSID="+id+cmp.Or(l.CookieAttributes, "; Path=/"))
}

func (l *Legacy) user(s *legacySession) string {
	if s == nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return s.user
}

func (l *Legacy) set(s *legacySession, user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.user = user
}

// LegacyLines describe a Legacy portal to two_factor. The portal commits sign-ins before it
// answers, so settle is short.
const LegacyLines = LegacyLate + "\nsettle 100ms"

// LegacyLate are LegacyLines for a portal that commits sign-ins within the default `settle`.
const LegacyLate = `realm default
whoami /me {
	anonymous status 401
	user json user
	name json name
}
sign_in /login /api/login {
	username user
	password password
}
sign_out /logout`

// SignIn signs in through the portal's form.
func (b *Browser) SignIn(user string) *Page {
	b.t.Helper()
	b.Get("/")
	return b.Post("/login", map[string][]string{"user": {user}, "password": {"pw-" + strings.ToLower(strings.TrimSpace(user))}})
}

// SignInAndGo signs in and follows to the account.
func (b *Browser) SignInAndGo(user string) *Page {
	b.t.Helper()
	b.SignIn(user)
	return b.Get("/account")
}
